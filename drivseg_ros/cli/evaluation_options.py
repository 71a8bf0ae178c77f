# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The options of `drivseg evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.model.store import DEFAULT_MODEL

_LIMIT = 'METRIC=POINTS'

Frames = Annotated[
    list[str],
    typer.Argument(
        metavar='BAG|KIND[:PART][=ROOT][,OPTION=VALUE]...',
        help='Bags, or data sets (`drivseg dataset kinds`); ${data} in them stands for --data.',
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=256,
        help='Evaluate so many bags at a time, each in a process of its own.',
        show_default='1; with --ray as many as there is room for',
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        '--ray', metavar='ADDRESS', help='Evaluate bags on this Ray cluster; local: a Ray of ours.'
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(metavar='FOLDER', help="Keep each bag's result here as soon as it is there."),
]
Resume = Annotated[
    bool,
    typer.Option('--resume', help='Take the results in --output that are of the same bags.'),
]
JudgedModel = Annotated[
    str | None,
    typer.Option(
        help='A name that `drivseg models` lists, or a path; not with --mask-topic.',
        show_default=DEFAULT_MODEL,
    ),
]
MaskTopic = Annotated[
    str | None,
    typer.Option(help='Masks (mono8) that are in the bag already, of whatever network.'),
]
ConfidenceTopic = Annotated[
    str | None, typer.Option(help='The confidence (mono8) beside those masks.')
]
MaskClasses = Annotated[
    str | None,
    typer.Option(
        help="What the masks' values mean, as --labels. Without it a label_info beside them says "
        'it, or --labels.'
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help='Take so many frames only.')]
AttributesFile = Annotated[
    Path | None,
    typer.Option(
        help='Slices: a .csv, .yaml or .json of timeofday, weather, ... by frame; '
        'attributes.csv in the data set where it is there.',
        show_default=False,
    ),
]
Bands = Annotated[int, typer.Option(min=1, max=64, help='Bands of image height, far to near.')]
Boundary = Annotated[
    float,
    typer.Option(min=0, max=0.2, help='Width of boundaries, a share of the diagonal; 0: none.'),
]
Sequence = Annotated[
    bool | None,
    typer.Option(
        '--sequence/--no-sequence',
        help='Whether frames follow each other in time, for flicker; those of a drive do.',
        show_default=False,
    ),
]
Draws = Annotated[int, typer.Option(min=0, help='Draws of the bootstrap; 0: no intervals.')]
Seed = Annotated[int, typer.Option(min=0, help='Seed of the bootstrap.')]
Resample = Annotated[str, typer.Option(help='auto (drives, or 5 s of a bag) or frames.')]
JunitFile = Annotated[Path | None, typer.Option(help='Write the checks as JUnit XML.')]
HtmlFile = Annotated[
    Path | None,
    typer.Option('--html', help='Write a page with charts, and pictures of the worst frames.'),
]
Baseline = Annotated[
    Path | None, typer.Option(help='The JSON of an earlier evaluation of the same frames.')
]
MaxDrop = Annotated[
    list[str] | None,
    typer.Option(metavar=_LIMIT, help='Fail if a metric falls below the baseline by more.'),
]
MaxRise = Annotated[
    list[str] | None,
    typer.Option(metavar=_LIMIT, help='Fail if it rises above the baseline by more.'),
]
Least = Annotated[
    list[str] | None,
    typer.Option('--min', metavar=_LIMIT, help='Fail if a metric is lower.'),
]
Most = Annotated[
    list[str] | None,
    typer.Option('--max', metavar=_LIMIT, help='Fail if a metric is higher.'),
]
BeyondNoise = Annotated[
    bool,
    typer.Option('--beyond-noise', help='Changes count only if their interval leaves out 0.'),
]
Live = Annotated[
    bool,
    typer.Option('--live', help='Play the bag to the real node, and evaluate what it publishes.'),
]
PlaySpeed = Annotated[float, typer.Option('--speed', help='Of a live run: times the recorded one.')]
