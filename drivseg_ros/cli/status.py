# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg status`: what the node's status would have been over recorded frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import err, out, progress_bar, write_json
from drivseg_ros.cli.options import (
    Device,
    EngineName,
    ImageTopic,
    JsonFile,
    Limit,
    Model,
    Overwrite,
    Precision,
    Threads,
    parse_option,
)
from drivseg_ros.model.store import DEFAULT_MODEL

if TYPE_CHECKING:
    from drivseg_ros.node.trust import TrustLimits


def status(
    frames: Annotated[
        str, typer.Argument(metavar='FRAMES', help='A bag, a video or a folder of pictures.')
    ],
    model: Model = DEFAULT_MODEL,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    image_topic: ImageTopic = None,
    limit: Limit = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            '--parameter',
            metavar='NAME=VALUE',
            help='Limit to try, such as degraded_dark=0.8; repeatable.',
            show_default=False,
        ),
    ] = None,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Show where the node's status is not ok, to tune its limits.

    Prints what the limits are compared with, as percentiles, and every span of frames that is not
    ok. The limits are the node's parameters of the same names.
    """
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.cli.evaluation_run import Complaints, end, run_shown
    from drivseg_ros.evaluation.network import RunNetwork
    from drivseg_ros.evaluation.open_source import open_source
    from drivseg_ros.evaluation.request import OfflineEvaluation
    from drivseg_ros.evaluation.settings import PLAIN
    from drivseg_ros.evaluation.status import PERCENTILES, StatusSink
    from drivseg_ros.segmenter import Segmenter

    sink = StatusSink(_limits(changes or ()))
    source = open_source(frames, with_labels=False, image_topic=image_topic, limit=limit)
    with (
        Segmenter.open(
            model, engine=engine, device=device, precision=precision, threads=threads
        ) as segmenter,
        progress_bar() as progress,
    ):
        network = RunNetwork(segmenter, confidence=segmenter.engine.model.has_confidence)
        opened = OfflineEvaluation(source, network, PLAIN)
        found, interrupted = run_shown(opened, progress, 'frames', sinks=[Complaints(), sink])
    measured = sink.percentiles()
    table = Table('measure', *(f'{p} %' for p in PERCENTILES), box=None, padding=(0, 2, 0, 0))
    for name, values in measured.items():
        table.add_row(name, *(f'{value:.3f}' for value in values))
    if measured:
        out.print(table)
    spans = [span for span in sink.spans if span.status != 'ok']
    for span in spans:
        out.print(
            f'{span.status}  {span.frames} frames, {span.first} to {span.last}',
            markup=False,
            soft_wrap=True,
        )
    counts = ', '.join(f'{count} {trust}' for trust, count in sink.frames.items())
    out.print(f'frames: {counts or "none"}', markup=False, soft_wrap=True)
    write_json(
        json,
        {
            'frames': dict(sink.frames),
            'limits': dataclasses.asdict(sink.limits),
            'percentiles': list(PERCENTILES),
            'measures': measured,
            'spans': [dataclasses.asdict(span) for span in spans],
        },
    )
    needed = sink.limits.status_frames
    if sum(sink.frames.values()) < needed:
        err.print(
            f'fewer frames than status_frames, {needed}, change no status; give more, or '
            '--parameter status_frames=1',
            soft_wrap=True,
        )
    if not segmenter.engine.model.has_confidence:
        err.print(f'{segmenter.card.name} has no confidence: that of the road is not assessed')
    end(found, interrupted)


def _limits(changes: Sequence[str]) -> TrustLimits:
    """The node's limits with changes.

    Raises:
        ParameterError: if one is unknown or not allowed.
    """
    from drivseg_ros.errors import ParameterError
    from drivseg_ros.node.parameters import SPECS, SPECS_BY_NAME, Settings
    from drivseg_ros.node.trust import TrustLimits

    names = [field.name for field in dataclasses.fields(TrustLimits)]
    values = {spec.name: spec.default for spec in SPECS}
    for change in changes:
        if change.partition('=')[0] not in names or '=' not in change:
            raise ParameterError(
                f'--parameter {change!r} is no LIMIT=VALUE; the limits are {", ".join(names)}'
            )
        name, value = parse_option(change)
        values[name] = SPECS_BY_NAME[name].check(value)
    return Settings.of(values).trust_limits
