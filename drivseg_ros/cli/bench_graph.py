# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg bench graph`: nodes measured from outside, over DDS, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.cli.console import err, out, progress_bar
from drivseg_ros.cli.options import (
    Device,
    EngineName,
    ImageTopic,
    JsonFile,
    Model,
    Precision,
    Threads,
    listed,
    parse_size,
)
from drivseg_ros.cli.output_file import CONSOLE, check_writable, write_json
from drivseg_ros.errors import ParameterError
from drivseg_ros.model.store import DEFAULT_MODEL

_LIST = 'Several by commas, or by giving it again.'


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
            help='Another node; may be given several times. In the command, {python}, {model}, '
            '{threads}, {image_topic} (of the first camera), {image_topics} (a YAML list) and '
            '{transport} are filled in.',
            show_default=False,
        ),
    ] = None,
    node_input: Annotated[
        list[str] | None,
        typer.Option(
            metavar='NAME=TOPIC',
            help="What that node subscribes to, if not /camera{n}/image_raw; {n} is the camera's "
            'number, from 1. Without /compressed.',
            show_default=False,
        ),
    ] = None,
    node_output: Annotated[
        list[str] | None,
        typer.Option(
            metavar='NAME=TOPIC',
            help='What that node publishes, if not the topics of ours; given again, the first is '
            'measured, the others are only subscribed to.',
            show_default=False,
        ),
    ] = None,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            help=f'Outputs to subscribe to; the first is measured. {_LIST}', show_default='mask'
        ),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(
            help=f'WIDTHxHEIGHT of the images. {_LIST}',
            show_default='640x360, 1280x720, 1920x1080',
        ),
    ] = None,
    cameras: Annotated[
        list[str] | None, typer.Option(help=f'Numbers of cameras. {_LIST}', show_default='1')
    ] = None,
    transport: Annotated[
        list[str] | None, typer.Option(help=f'raw, compressed. {_LIST}', show_default='raw')
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Fixed rates by camera in Hz; '' for none. {_LIST}", show_default='10, 30, 60'
        ),
    ] = None,
    peak: Annotated[
        bool, typer.Option('--peak/--no-peak', help='Look for the highest rate that is held.')
    ] = True,
    lowest: Annotated[float, typer.Option(help='Where the search begins, in Hz.')] = 1.0,
    highest: Annotated[float, typer.Option(help='Where it ends, in Hz.')] = 200.0,
    runs: Annotated[int, typer.Option(min=1, help='Runs at each rate.')] = 5,
    duration: Annotated[float, typer.Option(help='Seconds of a run.')] = 5.0,
    probe: Annotated[float, typer.Option(help='Seconds of a run that looks for the peak.')] = 2.0,
    data: Annotated[
        Path | None,
        typer.Option(help='A folder of pictures, or a bag; rendered streets if not given.'),
    ] = None,
    image_topic: ImageTopic = None,
    frames: Annotated[int, typer.Option(min=1, help='Different images, sent in turn.')] = 10,
    depth: Annotated[int, typer.Option(help="The sender's queue, in messages.")] = 10,
    start_timeout: Annotated[
        float, typer.Option(help='Seconds a node may take until its first output.')
    ] = 60.0,
    json: JsonFile = None,
) -> None:
    """Measure nodes from outside: peak rate, latency, loss, freshness, CPU, memory.

    Images are in the memory of one process, the node is another, its outputs go to a third. The
    tables are Markdown. Ctrl-C ends with the metrics so far. The exit status is 1 if a node cannot
    be run.
    """
    from drivseg_ros.base.interruption import orderly_end
    from drivseg_ros.bench.graph.benchmark import benchmark_graph
    from drivseg_ros.bench.graph.node_under_test import NodeUnderTest
    from drivseg_ros.bench.graph.options import GraphOptions
    from drivseg_ros.bench.graph.table import markdown_table
    from drivseg_ros.engines.base import default_threads
    from drivseg_ros.model.store import find_model
    from drivseg_ros.node.dds_profile import use_image_profile

    if json is not None:
        check_writable(json)
    outputs = listed(listen) or ['mask']
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
        sizes=tuple(map(parse_size, listed(size))) or GraphOptions.sizes,
        cameras=tuple(map(int, _numbers(cameras, '--cameras', whole=True))) or GraphOptions.cameras,
        transports=tuple(dict.fromkeys(listed(transport))) or GraphOptions.transports,
        rates_hz=GraphOptions.rates_hz if rate is None else _numbers(rate, '--rate'),
        peak=peak,
        lowest_hz=lowest,
        highest_hz=highest,
        runs=runs,
        duration_s=duration,
        probe_s=probe,
        data=data,
        image_topic=image_topic,
        frames=frames,
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
    if json != CONSOLE:
        out.print(markdown_table(report), markup=False, soft_wrap=True)
    if json is not None:
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


def _numbers(texts: Sequence[str] | None, option: str, *, whole: bool = False) -> tuple[float, ...]:
    words = listed(texts)
    try:
        numbers = tuple(float(int(word)) if whole else float(word) for word in words)
    except ValueError:
        raise ParameterError(
            f'{option} {",".join(words)!r} is not understood; write numbers, such as 1,3'
        ) from None
    if len(set(numbers)) < len(numbers):
        raise ParameterError(f'{option} {",".join(words)!r} has a number twice; leave one out')
    return numbers
