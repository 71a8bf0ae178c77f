# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The options of `drivseg evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.cli import completion
from drivseg_ros.model.smoothing import TEMPORAL
from drivseg_ros.model.store import DEFAULT_MODEL

_LIMIT = 'METRIC=POINTS'

Frames = Annotated[
    list[str],
    typer.Argument(
        metavar='FRAMES',
        help='Frames: a bag, a folder of pictures, a video, or KIND[:PART]=ROOT[,OPTION=VALUE].',
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=256,
        help='Bags evaluated at a time, each in a process of its own.',
        show_default='1; with --ray as many as there is room for',
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        '--ray',
        metavar='ADDRESS',
        help='Ray cluster to evaluate bags on; local starts one here.',
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        '--output', '-o', help='Folder to keep the result of each bag in.', show_default=False
    ),
]
Resume = Annotated[
    bool,
    typer.Option('--resume', help='Continue what is in --output.'),
]
EvaluatedModel = Annotated[
    str | None,
    typer.Option(
        help='Name listed by `drivseg models`, or path of a model file; not with --mask-topic.',
        show_default=DEFAULT_MODEL,
        autocompletion=completion.models,
    ),
]
ConfidenceTopic = Annotated[
    str | None,
    typer.Option(help='Topic of the confidence (mono8) of recorded masks.', show_default=False),
]
MaskClasses = Annotated[
    str | None,
    typer.Option(
        help='Meaning of the values in recorded masks, given as --labels.',
        show_default='a label_info beside them, or --labels',
    ),
]
AttributesFile = Annotated[
    Path | None,
    typer.Option(
        help='Attributes of frames for slices: .csv, .yaml or .json.',
        show_default='attributes.csv of the data set',
    ),
]
Bands = Annotated[
    int, typer.Option(min=1, max=64, help='Number of bands of image height, from far to near.')
]
Boundary = Annotated[
    float,
    typer.Option(min=0, max=0.2, help='Width of boundaries, a share of the diagonal; 0: none.'),
]
Sequence = Annotated[
    bool | None,
    typer.Option(
        '--sequence/--no-sequence',
        help='Whether frames follow each other in time, for flicker.',
        show_default='yes for drives',
    ),
]
Draws = Annotated[int, typer.Option(min=0, help='Draws of the bootstrap; 0: no intervals.')]
Resample = Annotated[
    str, typer.Option(help='Unit of the bootstrap: frames, or auto: drives, or 5 s of a bag.')
]
JunitFile = Annotated[
    Path | None, typer.Option(help='Write the checks as JUnit XML.', show_default=False)
]
HtmlFile = Annotated[
    Path | None,
    typer.Option(help='Write a page with charts and the worst frames.', show_default=False),
]
Baseline = Annotated[
    Path | None,
    typer.Option(help='JSON of an earlier evaluation of the same frames.', show_default=False),
]
MaxDrop = Annotated[
    list[str] | None,
    typer.Option(
        metavar=_LIMIT,
        help='Fail if a metric falls below the baseline by more; repeatable.',
        show_default=False,
    ),
]
MaxRise = Annotated[
    list[str] | None,
    typer.Option(
        metavar=_LIMIT,
        help='Fail if a metric rises above the baseline by more; repeatable.',
        show_default=False,
    ),
]
Least = Annotated[
    list[str] | None,
    typer.Option(
        '--min', metavar=_LIMIT, help='Fail if a metric is lower; repeatable.', show_default=False
    ),
]
Most = Annotated[
    list[str] | None,
    typer.Option(
        '--max', metavar=_LIMIT, help='Fail if a metric is higher; repeatable.', show_default=False
    ),
]
BeyondNoise = Annotated[
    bool,
    typer.Option('--beyond-noise', help='Count changes only if their interval leaves out 0.'),
]
Temporal = Annotated[
    str, typer.Option(help=f"The node's parameter for masks of a drive: {', '.join(TEMPORAL)}.")
]
Live = Annotated[
    bool,
    typer.Option('--live', help='Play the bag to the real node, and evaluate its masks.'),
]
