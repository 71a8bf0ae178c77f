# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A live run: the real node as a process, a bag played to it over DDS, its outputs recorded."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.bags.reader import BagReader
from drivseg_ros.evaluation.processes import Process
from drivseg_ros.evaluation.replay import COMPRESSED_IMAGE, image_rate_hz
from drivseg_ros.evaluation.ros_domain import need_rclpy, private_domain
from drivseg_ros.topics import output_topic, raw_topic

_START_TIMEOUT_S = 30.0
# What is still on its way when the last frame has been played: one diagnostics period and more.
_DRAIN_S = 1.5


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
        interrupted: whether it was ended early.
    """

    bag: Path
    image_topic: str
    recording: Path
    play_log: Path
    node_log: Path
    interrupted: bool

    @property
    def mask_topic(self) -> str:
        """The topic of the recorded masks."""
        return output_topic(raw_topic(self.image_topic), 'mask')


def run_live(
    bag: Path,
    *,
    image_topic: str,
    choice: NodeChoice,
    rate: float,
    folder: Path,
    on_progress: Callable[[int, int], None],
) -> LiveRun:
    """Plays a bag to the node and records what it publishes.

    Node, player and recorder are three processes in a ROS domain of their own, kept to this
    machine. A KeyboardInterrupt ends the run early and leaves what was recorded.

    Args:
        bag: the bag.
        image_topic: raw or compressed images in it.
        choice: which network the node runs, and on what.
        rate: 1 plays as recorded, 2 twice as fast.
        folder: where recording and logs go.
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
        interrupted=False,
    )
    parameters = {
        **dataclasses.asdict(choice),
        'image_topics': f'[{raw_topic(image_topic)}]',
        'image_transport': 'compressed' if info.msgtype == COMPRESSED_IMAGE else 'raw',
    }
    node_arguments = ['--ros-args']
    for name, value in parameters.items():
        node_arguments += ['-p', f'{name}:={value}']
    record_arguments = ['record', run.mask_topic, '/diagnostics', '--output', str(run.recording)]
    play_arguments = ['play', str(bag), '--topics', image_topic, '--rate', str(rate)]
    play_arguments += ['--wait-for-subscribers', str(_START_TIMEOUT_S), '--log', str(run.play_log)]
    interrupted = False
    with ExitStack() as stack:
        environment = stack.enter_context(private_domain())

        def start(name: str, module: str, arguments: list[str], log: Path) -> Process:
            return stack.enter_context(
                Process(name, module, arguments, log=log, environment=environment)
            )

        try:
            recorder = start(
                'recorder',
                'drivseg_ros.cli',
                [*record_arguments, '--overwrite'],
                logs / 'recorder.log',
            )
            node = start('node', 'drivseg_ros.node', node_arguments, run.node_log)
            node.wait_for(
                'the node is active', timeout_s=_START_TIMEOUT_S, failure='configure failed'
            )
            recorder.wait_for('recording 2 topics', timeout_s=_START_TIMEOUT_S)
            player = start('player', 'drivseg_ros.cli', play_arguments, logs / 'player.log')
            while player.running:
                on_progress(_count_lines(run.play_log), info.count)
                for process in (node, recorder):
                    process.check()
                time.sleep(0.1)
            player.check()
            on_progress(_count_lines(run.play_log), info.count)
            time.sleep(_DRAIN_S)
        except KeyboardInterrupt:
            interrupted = True
        # In reverse order of the data's way, so that nothing is published into the void.
    return dataclasses.replace(run, interrupted=interrupted)


@dataclass(frozen=True)
class PlayedFrame:
    """One frame that was played.

    Attributes:
        stamp_ns: its header's stamp.
        due_ns: wall time that corresponds to its place in the bag.
    """

    stamp_ns: int
    due_ns: int


def read_play_log(path: Path, topic: str) -> list[PlayedFrame]:
    """The frames of a topic that `drivseg play --log` noted; a torn last line is left out."""
    frames = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row['topic'] == topic:
            frames.append(PlayedFrame(stamp_ns=row['stamp_ns'], due_ns=row['due_ns']))
    return frames


def _count_lines(path: Path) -> int:
    return path.read_bytes().count(b'\n') if path.exists() else 0
