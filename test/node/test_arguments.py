# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The program's command line, what a failed start says, and the program on a renamed rclpy."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

from lyrical import rename
from node_harness import PATIENCE_S, Peer, make_image, wait_for

from drivseg_ros.node.parameters import SPECS

Start = Callable[..., tuple[subprocess.Popen[str], list[str]]]


@pytest.fixture
def start(ros_domain: int) -> Iterator[Start]:
    running = []

    def begin(
        *words: str, program: tuple[str, ...] = ('-m', 'drivseg_ros.node'), **environment: str
    ) -> tuple[subprocess.Popen[str], list[str]]:
        process = subprocess.Popen(
            [sys.executable, *program, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        lines: list[str] = []
        assert process.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(process.stdout,))
        reader.start()
        running.append((process, reader))
        return process, lines

    yield begin
    for process, reader in running:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
        reader.join(PATIENCE_S)


def wait_says(lines: list[str], text: str) -> None:
    wait_for(lambda: any(text in line for line in list(lines)), text)


@pytest.mark.parametrize('word', ['--help', '-h'])
def test_help_lists_every_parameter(word: str) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'drivseg_ros.node', word],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert done.stdout.startswith('usage: segmentation_node')
    lines = done.stdout.splitlines()
    assert all(f'  {spec.name}' in lines for spec in SPECS)
    assert done.stderr == ''


def test_what_is_unknown_is_named(start: Start, tiny_model: Path) -> None:
    _, lines = start(
        'nonsense',
        '--fast',
        '--ros-args',
        '-p',
        'modle:=x',
        '-p',
        f'model:={tiny_model}',
        '-p',
        'qos_overrides./image.subscription.depth:=2',
        '-p',
        'use_sim_time:=false',
    )
    wait_says(lines, 'the node is active')
    warned = [line for line in lines if 'ignored' in line]
    assert len(warned) == 2, warned
    assert "'nonsense' '--fast'" in warned[0]
    assert "no parameter 'modle'" in warned[1]
    assert 'did you mean model?' in warned[1]


def test_a_failed_configure_says_what_to_do_next(start: Start) -> None:
    _, lines = start('--ros-args', '-p', 'image_topics:=/a//b')
    wait_says(lines, 'then run `ros2 lifecycle set /segmentation configure`')
    text = ''.join(lines)
    assert "image_topics has '/a//b', which is no topic name (topic name must not contain" in text
    assert 'RCLError' not in text
    assert '/src/' not in text


def test_it_works_with_the_module_of_lyrical(
    start: Start, peer: Peer, tmp_path: Path, tiny_model: Path
) -> None:
    renamed = rename(tmp_path / 'lyrical')
    path = os.pathsep.join([str(renamed), os.environ.get('PYTHONPATH', '')])
    check = (
        'import sys, rclpy, rclpy.endpoint_info\n'
        f'assert rclpy.__file__.startswith({str(renamed)!r}), rclpy.__file__\n'
        'from drivseg_ros.node.segmentation_node import main\n'
        'try:\n    import rclpy.topic_endpoint_info\n'
        'except ModuleNotFoundError:\n    print("renamed", flush=True)\n'
        'sys.exit(main())\n'
    )
    process, lines = start(
        '--ros-args', '-p', f'model:={tiny_model}', program=('-c', check), PYTHONPATH=path
    )
    wait_for(lambda: process.poll() is not None or 'the node is active' in ''.join(lines), 'active')
    assert 'renamed\n' in lines
    assert process.poll() is None, ''.join(lines)
    masks = peer.listen('/segmentation/mask')
    camera = peer.camera('/image')

    def answered() -> bool:
        camera.send(make_image(0))
        return bool(masks)

    wait_for(answered, 'a mask')
