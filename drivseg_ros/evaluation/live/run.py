# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A live run: the real node as a process, a bag played to it over DDS, its outputs recorded."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.bags.image_messages import COMPRESSED_IMAGE, image_rate_hz
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.base.child import Program, Worker
from drivseg_ros.base.diagnostics import DIAGNOSTICS_TOPIC
from drivseg_ros.base.interruption import Terminated
from drivseg_ros.base.topics import output_topic, raw_topic
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.live.ros_domain import need_rclpy, private_domain
from drivseg_ros.evaluation.live.usage import UsageSampler

_WATCH = 'drivseg_ros.evaluation.live.watch'
_START_TIMEOUT_S = 60.0
# An engine may have to be built first.
_LOAD_TIMEOUT_S = 900.0
_LOOK_S = 0.1
# A node that works off its last two frames: the one in work, and the one that waits.
_DRAIN_S = 60.0
# The recorder may hear a little later than the watcher.
_AFTER_S = 0.3


@dataclass(frozen=True)
class NodeChoice:
    """The node's parameters of the same names."""

    model: str
    engine: str = 'auto'
    device: str = 'auto'
    precision: str = 'auto'
    threads: int = 0


@dataclass(frozen=True)
class LiveRun:
    """What a live run leaves.

    Attributes:
        bag: the bag that was played.
        image_topic: the topic in it.
        recording: the bag with the node's outputs, bag time being wall time of receipt.
        play_log: what was played when, JSON by line.
        node_log: what the node printed.
        speed: times recorded speed.
        outputs: the names of the outputs that were recorded, 'mask' among them.
        interrupted: whether it was ended early.
        usage: what the node used meanwhile; None before it ran.
    """

    bag: Path
    image_topic: str
    recording: Path
    play_log: Path
    node_log: Path
    speed: float = 1.0
    outputs: tuple[str, ...] = ('mask',)
    interrupted: bool = False
    usage: UsageSampler | None = None

    @property
    def mask_topic(self) -> str:
        """The topic of the recorded masks."""
        return self.topic_of('mask')

    def topic_of(self, output: str) -> str:
        """The topic of a recorded output."""
        return output_topic(self.node_topic, output)

    @property
    def node_topic(self) -> str:
        """The topic that the node is given: without the suffix of the transport."""
        return '/' + raw_topic(self.image_topic).lstrip('/')


def run_live(
    bag: Path,
    *,
    image_topic: str,
    choice: NodeChoice,
    speed: float,
    folder: Path,
    outputs: Sequence[str] = ('mask',),
    on_progress: Callable[[int, int], None],
) -> LiveRun:
    """Plays a bag to the node and records what it publishes.

    Node, player and recorder are processes in a ROS domain of their own, kept to this machine,
    and end with this one. It waits until the node is done with the last frame. Once the bag is
    being played, a KeyboardInterrupt ends the run early and leaves what was recorded; only
    `Terminated` ends all.

    Args:
        bag: the bag.
        image_topic: raw or compressed images in it.
        choice: which network the node runs, and on what.
        speed: 1 plays as recorded, 2 twice as fast.
        folder: where recording and logs go.
        outputs: what is recorded; the node computes what is subscribed to.
        on_progress: called with the frames played and the frames there are.

    Raises:
        BagError: if the bag or the topic cannot be read.
        DrivsegError: if a process fails.
    """
    need_rclpy('a live run')
    with BagReader(bag) as reader:
        image_rate_hz(reader, image_topic)  # refuses a topic that is not there
        info = reader.topic(image_topic)
    logs = folder / 'logs'
    run = LiveRun(
        bag=bag,
        image_topic=image_topic,
        recording=folder / 'output',
        play_log=logs / 'played.jsonl',
        node_log=logs / 'node.log',
        speed=speed,
        outputs=tuple(outputs),
    )
    compressed = info.msgtype == COMPRESSED_IMAGE
    parameters = {
        **dataclasses.asdict(choice),
        'image_topics': [run.node_topic],
        'image_transport': 'compressed' if compressed else 'raw',
    }
    # It need not have been recorded under the name that goes with its transport.
    played_as = f'{run.node_topic}/compressed' if compressed else run.node_topic
    node_arguments = ['--ros-args']
    for name, value in parameters.items():
        # They are read as YAML, of which JSON is a part: a path may hold anything.
        node_arguments += ['-p', f'{name}:={json.dumps(value, ensure_ascii=False)}']
    topics = [*(run.topic_of(name) for name in run.outputs), DIAGNOSTICS_TOPIC]
    record_arguments = ['record', *topics, '--output', str(run.recording), '--overwrite']
    play_arguments = ['play', str(bag), '--topic', image_topic, '--speed', str(speed)]
    play_arguments += ['--remap', f'{image_topic}:={played_as}']
    play_arguments += ['--wait-for-subscribers', str(_START_TIMEOUT_S)]
    play_arguments += ['--log', str(run.play_log), '--overwrite']
    interrupted = False
    with ExitStack() as stack:
        environment = stack.enter_context(private_domain())
        logs.mkdir(parents=True, exist_ok=True)

        def start(name: str, module: str, arguments: list[str], log: Path) -> Program:
            command = [sys.executable, '-m', module, *arguments]
            return stack.enter_context(Program(name, command, log=log, environment=environment))

        watcher = stack.enter_context(
            Worker(
                'the watcher',
                _WATCH,
                log=logs / 'watcher.log',
                environment=environment,
                orderly=True,
            )
        )
        # They end in reverse order of the data's way, so that nothing is published into the void.
        recorder = start('recorder', 'drivseg_ros.cli', record_arguments, logs / 'recorder.log')
        node = start('node', 'drivseg_ros.node', node_arguments, run.node_log)
        node.wait_for('the node is active', timeout_s=_LOAD_TIMEOUT_S, failure='configure failed')
        recorder.wait_for(f'recording {len(topics)} topics', timeout_s=_START_TIMEOUT_S)
        usage = UsageSampler(node.pid)
        usage.look()
        player = start('player', 'drivseg_ros.cli', play_arguments, logs / 'player.log')
        lines = _LineCounter(run.play_log)
        try:
            try:
                while player.running:
                    on_progress(lines.count(), info.count)
                    usage.look()
                    for process in (node, recorder):
                        process.check(may_be_done=False)
                    time.sleep(_LOOK_S)
                usage.look(at_once=True)
                player.check()
            except Terminated:  # an end is wanted, and not what was found so far
                raise
            except KeyboardInterrupt:
                interrupted = True
                player.stop()
            on_progress(lines.count(), info.count)
            _drain(watcher, node, recorder)
        except Terminated:
            raise
        except KeyboardInterrupt:  # the last frame will not be waited for
            interrupted = True
    return dataclasses.replace(run, interrupted=interrupted, usage=usage)


def _drain(watcher: Worker, node: Program, recorder: Program) -> None:
    """Waits until the node has reported twice that it is done with all that it got.

    Raises:
        DrivsegError: if it does not; then it is unknown what became of the frames.
    """
    began = watcher.ask({'do': 'newest'})['heard']
    deadline = time.monotonic() + _DRAIN_S
    newest = {'settled': False, 'heard': began}
    # The next report may have been made before the last frame came.
    while not newest['settled'] or newest['heard'] <= began + 1:
        if time.monotonic() > deadline:
            raise DrivsegError(
                f'{_DRAIN_S:.0f} s after the last message, the node has not reported that it is '
                f'done (diagnostics that came since: {newest["heard"] - began}); it printed last:\n'
                f'{node.log_end()}'
            )
        time.sleep(_LOOK_S)
        for process in (node, recorder):
            process.check(may_be_done=False)
        newest = watcher.ask({'do': 'newest'})
    time.sleep(_AFTER_S)


@dataclass(frozen=True)
class PlayedFrame:
    """One frame that was played.

    Attributes:
        stamp_ns: its header's stamp.
        due_ns: wall time that corresponds to its place in the bag.
        published_ns: wall time at which it was handed over.
    """

    stamp_ns: int
    due_ns: int
    published_ns: int


def read_play_log(path: Path) -> list[PlayedFrame]:
    """What `drivseg play --log` noted of the one topic; a torn last line is left out."""
    frames = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        frames.append(PlayedFrame(row['stamp_ns'], row['due_ns'], row['published_ns']))
    return frames


class _LineCounter:
    """Counts the lines of a file that grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._lines = 0

    def count(self) -> int:
        if self._path.exists():
            with self._path.open('rb') as file:
                file.seek(self._read)
                new = file.read()
            self._read += len(new)
            self._lines += new.count(b'\n')
        return self._lines
