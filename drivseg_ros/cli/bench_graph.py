# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg bench graph`: nodes measured from outside, over DDS, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import err, out, progress_bar, write_json
from drivseg_ros.cli.options import (
    CAMERA_SIZES,
    Device,
    EngineName,
    ImageTopic,
    JsonFile,
    Model,
    Overwrite,
    Precision,
    Runs,
    Sizes,
    Threads,
    parse_size,
)
from drivseg_ros.errors import ParameterError
from drivseg_ros.model.store import DEFAULT_MODEL

_T = TypeVar('_T')


def graph(
    model: Model = DEFAULT_MODEL,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    ours: Annotated[
        bool, typer.Option('--ours/--no-ours', help='Measure the node of this package.')
    ] = True,
    node: Annotated[
        list[str] | None,
        typer.Option(
            metavar='NAME=COMMAND',
            help='Another node to measure: its name, and the command that starts it; repeatable.',
            show_default=False,
        ),
    ] = None,
    node_input: Annotated[
        list[str] | None,
        typer.Option(
            metavar='NAME=TOPIC',
            help='Input topic of such a node, {n}: number of the camera; repeatable.',
            show_default='/camera{n}/image_raw',
        ),
    ] = None,
    node_output: Annotated[
        list[str] | None,
        typer.Option(
            metavar='NAME=TOPIC',
            help='Output topic of such a node, the first one measured; repeatable.',
            show_default='as of the node of this package',
        ),
    ] = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            help='Output to subscribe to, the first one measured; repeatable.',
            show_default='mask',
        ),
    ] = None,
    size: Sizes = CAMERA_SIZES,
    cameras: Annotated[
        list[int] | None, typer.Option(help='Number of cameras; repeatable.', show_default='1')
    ] = None,
    transport: Annotated[
        list[str] | None,
        typer.Option(help='raw or compressed; repeatable.', show_default='raw'),
    ] = None,
    rate: Annotated[
        list[float] | None,
        typer.Option(help='Frames per second of a camera; repeatable.', show_default='10, 30, 60'),
    ] = None,
    peak: Annotated[
        bool, typer.Option('--peak/--no-peak', help='Search the highest rate without loss.')
    ] = True,
    peak_only: Annotated[
        bool, typer.Option('--peak-only', help='Measure at no other rate than the highest.')
    ] = False,
    lowest: Annotated[float, typer.Option(help='Lowest rate of the search, in Hz.')] = 1.0,
    highest: Annotated[float, typer.Option(help='Highest rate of the search, in Hz.')] = 200.0,
    runs: Runs = 5,
    duration: Annotated[float, typer.Option(help='Length of a run in seconds.')] = 5.0,
    probe: Annotated[float, typer.Option(help='Length of a run of the search in seconds.')] = 2.0,
    data: Annotated[
        str | None,
        typer.Option(
            metavar='FRAMES',
            help='Frames: a bag or a folder of pictures.',
            show_default='rendered streets',
        ),
    ] = None,
    image_topic: ImageTopic = None,
    images: Annotated[int, typer.Option(min=1, help='Different images, sent in turn.')] = 10,
    depth: Annotated[int, typer.Option(help='Queue of the sender, in messages.')] = 10,
    start_timeout: Annotated[
        float, typer.Option(help='Seconds to wait for the first output of a node.')
    ] = 60.0,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure nodes from outside, side by side.

    Peak rate, latency, loss, age of outputs, CPU and memory. One process sends images from its
    memory, the node is another, its outputs go to a third. In the command of a node, {python},
    {model}, {threads}, {image_topic}, {image_topics} (a YAML list) and {transport} are filled in.
    The tables are Markdown. Ctrl-C ends it with the results so far. The exit status is 1 if a
    configuration cannot be run.
    """
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.base.interruption import orderly_end
    from drivseg_ros.bench.graph.benchmark import benchmark_graph
    from drivseg_ros.bench.graph.node_under_test import NodeUnderTest
    from drivseg_ros.bench.graph.options import GraphOptions
    from drivseg_ros.bench.graph.table import markdown_table
    from drivseg_ros.engines.base import default_threads
    from drivseg_ros.model.store import find_model
    from drivseg_ros.node.dds_profile import use_image_profile

    outputs = listen or ['mask']
    nodes = []
    if ours:
        nodes.append(
            NodeUnderTest.ours(engine=engine, device=device, precision=precision, outputs=outputs)
        )
    inputs = {name: topics[-1] for name, topics in _topics(node_input, '--node-input').items()}
    given = _topics(node_output, '--node-output')
    others = [
        NodeUnderTest.parse(text, inputs=inputs, outputs=given, listen=outputs)
        for text in node or []
    ]
    for option, names in (('--node-input', inputs), ('--node-output', given)):
        for name in names.keys() - {other.name for other in others}:
            raise ParameterError(f'{option} names the node {name!r}, which no --node is called')
    options = GraphOptions(
        nodes=(*nodes, *others),
        model=str(find_model(model).path.resolve()),
        threads=threads or default_threads(),
        sizes=tuple(parse_size(text) for text in size),
        cameras=_each_once(cameras, '--cameras') or GraphOptions.cameras,
        transports=_each_once(transport, '--transport') or GraphOptions.transports,
        rates_hz=() if peak_only else _each_once(rate, '--rate') or GraphOptions.rates_hz,
        peak=peak,
        lowest_hz=lowest,
        highest_hz=highest,
        runs=runs,
        duration_s=duration,
        probe_s=probe,
        data=None if data is None else Path(data),
        image_topic=image_topic,
        frames=images,
        depth=depth,
        start_timeout_s=start_timeout,
    )
    profile = use_image_profile()
    with progress_bar() as progress, orderly_end():
        task = progress.add_task('start', total=None)
        report = benchmark_graph(
            options,
            dds_profile=f'{profile.path.name if profile.path else "defaults"} ({profile.reason})',
            on_progress=lambda done, total, what: progress.update(
                task, completed=done, total=total, description=what
            ),
        )
    out.print(markdown_table(report), markup=False, soft_wrap=True)
    write_json(json, report)
    problems = [row for row in report['rows'] if row['problem']]
    for row in problems:
        name = f'{row["node"]}, {row["width"]}x{row["height"]} {row["transport"]}'
        err.print(f'cannot be run: {name}: {row["problem"]}', markup=False, soft_wrap=True)
    if report['interrupted']:
        raise typer.Exit(report['interrupted'])
    if problems:
        raise typer.Exit(1)


def _topics(texts: Sequence[str] | None, option: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in texts or ():
        name, equals, topic = text.partition('=')
        if not (name and equals and topic):
            raise ParameterError(f'{option} {text!r} is not understood; write NAME=/TOPIC')
        found.setdefault(name, []).append(topic)
    return found


def _each_once(values: Sequence[_T] | None, option: str) -> tuple[_T, ...]:
    given = tuple(values or ())
    for value in given:
        if given.count(value) > 1:
            raise ParameterError(f'{option} {value} is given twice; leave one out')
    return given
