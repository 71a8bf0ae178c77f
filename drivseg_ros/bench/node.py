# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the node adds to the bare engine: time, CPU share and memory, by image size.

The node is the real one, in this process, with a subscriber to its mask in another process. An
image message in hand is given to it as its subscription would, and the time runs until the mask is
published. Runs of the bare engine on the same image, ready in the network's size, alternate with
it, so that a machine whose speed drifts slows both.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter

from drivseg_ros.base.child import Worker
from drivseg_ros.base.environment import describe_run
from drivseg_ros.base.frame_ledger import FrameLedger
from drivseg_ros.base.latency import LatencySummary, percentile
from drivseg_ros.base.markdown import machine, table
from drivseg_ros.base.topics import output_topic
from drivseg_ros.base.usage import own_memory_mb
from drivseg_ros.bench.graph.messages import InputChoice, make_messages
from drivseg_ros.bench.streets import describe_streets
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.live.ros_domain import private_domain
from drivseg_ros.evaluation.network import describe_engine
from drivseg_ros.images.codec import decode_image
from drivseg_ros.node.camera_slot import Frame
from drivseg_ros.node.dds_profile import use_image_profile
from drivseg_ros.node.health import Phase
from drivseg_ros.node.lifecycle_node import SegmentationNode
from drivseg_ros.segmenter import Segmenter

SIZES = ((640, 360), (1280, 720), (1920, 1080))
LOAD_RATE_HZ = 10.0
LOAD_S = 5.0
_TOPIC = '/benchmark/image'
_TIMEOUT_S = 20.0
# Looking more often would slow down what is measured.
_POLL_S = 0.002


def benchmark_node(
    *,
    parameters: Mapping[str, Any],
    sizes: Sequence[tuple[int, int]] = SIZES,
    frames: int = 100,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Measures the node.

    Args:
        parameters: of the node: model, engine, device, precision, threads.
        sizes: (width, height) of the images.
        frames: how many runs of node and engine for each size.
        on_progress: called with the runs done and the runs there are.

    Returns:
        Hardware, versions, engine, and a row by size: the bare engine's time, the time from message
        in hand to mask published, the ratio of their medians; and with images arriving through DDS
        at LOAD_RATE_HZ, this process's share of one CPU and its memory.

    Raises:
        DrivsegError: if the node does not come up.
    """
    rows = []
    with (
        private_domain() as environment,
        _environment(environment),
        _running_node(parameters) as node,
        _worker('receiver') as receiver,
        _worker('sender') as sender,
    ):
        engine = describe_engine(_segmenter(node).engine)
        engine['file'] = Path(engine['file']).name  # the folder is private
        listen = {'do': 'listen', 'topics': [[output_topic(_TOPIC, 'mask')]]}
        _wait(lambda: not receiver.ask(listen)['missing'], 'the topic of the mask')
        for number, (width, height) in enumerate(sizes):
            choice = InputChoice(width, height, frames=1)

            def progress(done: int, offset: int = number * frames) -> None:
                on_progress(offset + done, len(sizes) * frames)

            (message,) = make_messages(choice).messages
            bare_ms, node_ms = _measure_times(node, message, frames, progress)
            sender.ask({'do': 'load', 'input': choice, 'topics': [_TOPIC], 'depth': 1})
            rows.append(
                {
                    'width': width,
                    'height': height,
                    'encoding': message.encoding,
                    'bare_engine': _describe_times(bare_ms),
                    'node': _describe_times(node_ms),
                    'ratio': round(percentile(node_ms, 50) / percentile(bare_ms, 50), 3),
                    'load': _measure_load(node, sender),
                }
            )
    return {
        'kind': 'bench node',
        **describe_run(),
        'engine': engine,
        'input': describe_streets('seed 1'),
        'rows': rows,
    }


def _describe_times(values_ms: Sequence[float]) -> dict[str, Any]:
    """Number, median, tail and largest of times in milliseconds."""
    summary = LatencySummary.of(values_ms)
    return {
        'count': summary.count,
        'p50_ms': round(summary.p50, 6),
        'p95_ms': round(summary.p95, 6),
        'p99_ms': round(summary.p99, 6),
        'max_ms': round(summary.largest, 6),
    }


def markdown_table(report: Mapping[str, Any]) -> str:
    """The rows as a table in Markdown, with what they were measured on."""
    engine = report['engine']
    heads = [
        'image',
        'bare engine, ms (p50 / p95)',
        'message to mask, ms (p50 / p95)',
        'ratio',
        f'CPU at {LOAD_RATE_HZ:.0f} Hz',
        'memory, MB',
    ]
    lines = []
    for row in report['rows']:
        bare, node, load = row['bare_engine'], row['node'], row['load']
        lines.append(
            [
                f'{row["width"]}×{row["height"]} {row["encoding"]}',
                f'{bare["p50_ms"]:.1f} / {bare["p95_ms"]:.1f}',
                f'{node["p50_ms"]:.1f} / {node["p95_ms"]:.1f}',
                f'{row["ratio"]:.2f}',
                f'{100 * load["cpu_share"]:.0f} %',
                f'{load["memory_mb"]:.0f}',
            ]
        )
    return (
        f'{table(heads, lines)}\n\n'
        f'{engine["model"]} ({engine["sha256"][:12]}) on {engine["engine"]}, {engine["device"]}, '
        f'{engine["precision"]}, {engine["threads"]} threads; {machine(report)}\n'
    )


def _worker(name: str) -> Worker:
    return Worker(f'the {name}', f'drivseg_ros.bench.graph.{name}', orderly=True)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _running_node(parameters: Mapping[str, Any]) -> Iterator[SegmentationNode]:
    """The node, active, spun by a thread."""
    use_image_profile()
    rclpy.init(args=[])
    overrides = {**parameters, 'image_topics': [_TOPIC], 'outputs': ['mask']}
    node = SegmentationNode(
        parameter_overrides=[Parameter(name, value=value) for name, value in overrides.items()]
    )
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=_spin, args=(executor,), name='benchmark')
    thread.start()
    try:
        _wait(lambda: node.phase is Phase.ACTIVE or bool(node.problem), 'the node to be active')
        if node.problem:
            raise DrivsegError(node.problem)
        yield node
    finally:
        rclpy.try_shutdown()
        thread.join()
        node.leave(keep_waiting=lambda: True)
        node.destroy_node()


def _spin(executor: SingleThreadedExecutor) -> None:
    with suppress(ExternalShutdownException):
        executor.spin()


def _measure_times(
    node: SegmentationNode,
    message: Any,
    frames: int,
    progress: Callable[[int], None],
) -> tuple[list[float], list[float]]:
    camera = node.cameras[0]
    segmenter = _segmenter(node)
    _wait(lambda: bool(camera.publishers.wanted(has_confidence=False)), 'a subscriber')
    batch = segmenter.prepare([decode_image(message)]).copy()
    bare_ms: list[float] = []
    node_ms: list[float] = []
    warm_up = 5
    for i in range(-warm_up, frames):
        started = time.perf_counter()
        segmenter.engine.infer(batch, confidence=False)
        bare = time.perf_counter() - started
        ledger = camera.monitor.ledger
        goal = ledger.counts().processed + 1
        camera.slot.put(Frame(message=message, received_s=time.monotonic()))
        node.worker.wake()  # type: ignore[union-attr]
        _wait(partial(_has_processed, ledger, goal), 'a mask')
        if i >= 0:
            bare_ms.append(bare * 1e3)
            # Timed by the worker itself: to wait and to look takes time that is not the node's.
            node_ms.append(camera.monitor.newest_stages_ms['total'])
            progress(i + 1)
    return bare_ms, node_ms


def _measure_load(node: SegmentationNode, sender: Worker) -> dict[str, Any]:
    ledger = node.cameras[0].monitor.ledger
    before = ledger.counts().processed
    # Some more than are measured: the first ones, and those until the sender is asked again.
    count = round(LOAD_RATE_HZ * (LOAD_S + 1)) + 5
    sending = threading.Thread(
        target=sender.ask, args=[{'do': 'send', 'count': count, 'rate_hz': LOAD_RATE_HZ}]
    )
    sending.start()
    try:
        _wait(partial(_has_processed, ledger, before + 5), 'images')
        first, cpu, started = ledger.counts(), time.process_time(), time.perf_counter()
        time.sleep(LOAD_S)
        seconds = time.perf_counter() - started
        last, cpu = ledger.counts(), time.process_time() - cpu
        memory_mb = own_memory_mb()
    finally:
        sending.join()
    return {
        'seconds': round(seconds, 3),
        'processed_hz': round((last.processed - first.processed) / seconds, 2),
        'dropped': last.dropped - first.dropped,
        'cpu_share': round(cpu / seconds, 4),
        'memory_mb': round(memory_mb, 1),
    }


def _has_processed(ledger: FrameLedger, goal: int) -> bool:
    return ledger.counts().processed >= goal


def _segmenter(node: SegmentationNode) -> Segmenter:
    if node.worker is None:
        raise DrivsegError('the node has no network')
    return node.worker.segmenter


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise DrivsegError(f'waited {_TIMEOUT_S:.0f} s for {what} in vain; see the log above')
        time.sleep(_POLL_S)
