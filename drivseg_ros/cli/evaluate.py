# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg evaluate`: how good a network is on labelled frames, and whether it keeps limits."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.cli.console import out, progress_bar
from drivseg_ros.cli.evaluation_table import print_checks, print_evaluation
from drivseg_ros.cli.options import DataFolder, Device, EngineName, Precision, Threads
from drivseg_ros.cli.output_file import check_writable
from drivseg_ros.errors import ParameterError
from drivseg_ros.model_store import DEFAULT_MODEL

if TYPE_CHECKING:
    from drivseg_ros.evaluation.gate import Limit

_LIMIT = 'FIGURE=POINTS'


def evaluate(
    frames: Annotated[
        str,
        typer.Argument(
            metavar='BAG|KIND[:PART][=ROOT][,OPTION=VALUE...]',
            help='A bag, or a data set (`drivseg dataset kinds`); ${data} in it stands for --data.',
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help='A name that `drivseg models` lists, or a path; not with --mask-topic.',
            show_default=DEFAULT_MODEL,
        ),
    ] = None,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    labels: Annotated[
        str | None,
        typer.Option(
            help='What the values in the labels mean: a name in config/labels, or a .yaml file. '
            "Without it a data set's own classes, and in a bag the model's.",
            show_default=False,
        ),
    ] = None,
    image_topic: Annotated[
        str | None, typer.Option(help="A bag's images; needed if there are several topics.")
    ] = None,
    label_topic: Annotated[
        str | None, typer.Option(help="A bag's labels (mono8), with the images' stamps.")
    ] = None,
    mask_topic: Annotated[
        str | None,
        typer.Option(help='Masks (mono8) that are in the bag already, of whatever network.'),
    ] = None,
    confidence_topic: Annotated[
        str | None, typer.Option(help='The confidence (mono8) beside those masks.')
    ] = None,
    mask_classes: Annotated[
        str | None,
        typer.Option(help="What the masks' values mean, as --labels; the same without it."),
    ] = None,
    data: DataFolder = None,
    limit: Annotated[int | None, typer.Option(min=1, help='Take so many frames only.')] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(
            help='Slices: a .csv, .yaml or .json of timeofday, weather, ... by frame; '
            'attributes.csv in the data set where it is there.',
            show_default=False,
        ),
    ] = None,
    bands: Annotated[
        int, typer.Option(min=1, max=64, help='Bands of image height, far to near.')
    ] = 4,
    boundary: Annotated[
        float,
        typer.Option(min=0, max=0.2, help='Width of boundaries, a share of the diagonal; 0: none.'),
    ] = 0.02,
    sequence: Annotated[
        bool | None,
        typer.Option(
            '--sequence/--no-sequence',
            help='Whether frames follow each other in time, for flicker; those of a drive do.',
            show_default=False,
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option(min=0, help='Draws of the bootstrap; 0: no intervals.')
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help='Seed of the bootstrap.')] = 0,
    resample: Annotated[
        str, typer.Option(help='auto (drives, or 5 s of a bag) or frames.')
    ] = 'auto',
    json: Annotated[Path | None, typer.Option(help='Write every figure as JSON.')] = None,
    junit: Annotated[Path | None, typer.Option(help='Write the checks as JUnit XML.')] = None,
    baseline: Annotated[
        Path | None, typer.Option(help='The JSON of an earlier evaluation of the same frames.')
    ] = None,
    max_drop: Annotated[
        list[str] | None,
        typer.Option(metavar=_LIMIT, help='Fail if a figure falls below the baseline by more.'),
    ] = None,
    max_rise: Annotated[
        list[str] | None,
        typer.Option(metavar=_LIMIT, help='Fail if it rises above the baseline by more.'),
    ] = None,
    least: Annotated[
        list[str] | None,
        typer.Option('--min', metavar=_LIMIT, help='Fail if a figure is lower.'),
    ] = None,
    most: Annotated[
        list[str] | None,
        typer.Option('--max', metavar=_LIMIT, help='Fail if a figure is higher.'),
    ] = None,
    beyond_noise: Annotated[
        bool,
        typer.Option('--beyond-noise', help='Changes count only if their interval leaves out 0.'),
    ] = False,
) -> None:
    """Judge a network, or masks that are there, on every labelled frame; hold it to limits.

    The exit status is 1 if a limit is broken or a frame cannot be read.
    """
    from drivseg_ros.cli.evaluation_source import AskedFrames, open_frames
    from drivseg_ros.evaluation.bag_source import BagTopics
    from drivseg_ros.evaluation.bootstrap import BootstrapSettings
    from drivseg_ros.evaluation.evaluate import evaluate_source
    from drivseg_ros.evaluation.evaluation_diff import check_same_terms
    from drivseg_ros.evaluation.evaluation_file import describe, read_evaluation, write_evaluation
    from drivseg_ros.evaluation.gate import check_figures, check_frames, check_limits
    from drivseg_ros.evaluation.junit import junit_xml
    from drivseg_ros.evaluation.label_map import read_label_map
    from drivseg_ros.evaluation.matching import Matching
    from drivseg_ros.evaluation.measures import figure_names, measures
    from drivseg_ros.evaluation.report import describe_engine
    from drivseg_ros.evaluation.tally import EvaluationSettings
    from drivseg_ros.segmenter import Segmenter
    from drivseg_ros.whole_file import write_whole

    for path in (json, junit):
        if path is not None:
            check_writable(path)
    limits = _limits(least, most, max_drop, max_rise)
    if baseline is None and any(one.kind.needs_baseline for one in limits):
        raise ParameterError(
            '--max-drop and --max-rise are limits of a change; name the evaluation to compare '
            'with (--baseline)'
        )
    if mask_topic is not None and model is not None:
        raise ParameterError('masks that are there need no --model; leave one of the two out')
    if mask_classes is not None and mask_topic is None:
        raise ParameterError('--mask-classes was given without masks; name them (--mask-topic)')
    earlier = None if baseline is None else read_evaluation(baseline)
    asked = AskedFrames(
        frames,
        BagTopics(image_topic, label_topic, mask_topic, confidence_topic),
        None if labels is None else read_label_map(labels),
        data,
        limit,
        resample,
        attributes,
    )
    with ExitStack() as stack:
        segmenter = None
        if mask_topic is None:
            segmenter = stack.enter_context(
                Segmenter.open(
                    model or DEFAULT_MODEL,
                    engine=engine,
                    device=device,
                    precision=precision,
                    threads=threads,
                )
            )
        opened = open_frames(asked, None if segmenter is None else segmenter.card)
        source = opened.source
        settings = EvaluationSettings(
            bands,
            boundary,
            opened.is_drive if sequence is None else sequence,
            BootstrapSettings(draws, seed),
        )
        if segmenter is not None:
            network, classes = describe_engine(segmenter.engine), segmenter.card.classes
        else:
            given = source.labels if mask_classes is None else read_label_map(mask_classes)
            network, classes = {'masks': mask_topic}, given.classes
        # What can be refused is refused before an hour's work.
        matching = Matching(source.labels.classes, classes, source.labels.truth)
        check_figures(limits, figure_names(matching, settings))
        if earlier is not None:
            check_same_terms((earlier.matching, earlier.settings), (matching, settings))
        progress = stack.enter_context(progress_bar())
        task = progress.add_task('frames', total=len(source))
        result = evaluate_source(
            source,
            segmenter,
            settings,
            network=network,
            network_classes=classes,
            attributes=opened.attributes,
            on_frame=lambda done, total: progress.update(task, completed=done, total=total),
        )
    content = describe(result, command=shlex.join(['drivseg', *sys.argv[1:]]))
    if json is not None:
        write_evaluation(json, content)
    print_evaluation(content)
    checks = [
        check_frames(result),
        *check_limits(result, limits, earlier, beyond_noise=beyond_noise),
    ]
    if junit is not None:
        write_whole(junit, junit_xml(checks, measures(result)))
    print_checks(checks)
    for path in (json, junit):
        if path is not None:
            out.print(f'  {path}', markup=False, soft_wrap=True)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def _limits(
    least: list[str] | None,
    most: list[str] | None,
    max_drop: list[str] | None,
    max_rise: list[str] | None,
) -> list[Limit]:
    from drivseg_ros.evaluation.gate import Limit, LimitKind

    given = {
        LimitKind.MIN: least,
        LimitKind.MAX: most,
        LimitKind.MAX_DROP: max_drop,
        LimitKind.MAX_RISE: max_rise,
    }
    return [Limit.parse(kind, text) for kind, texts in given.items() for text in texts or ()]
