# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The program as a process: how it starts, works across processes, and ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason="rclpy is not installed: pip install '.[ros]'")

from node_harness import BEST_EFFORT, PATIENCE_S, Peer, keys, make_image, wait_for
from rclpy.serialization import serialize_message
from tiny_model import write_tiny_model

from drivseg_ros.node.dds_profile import PROFILE_VARIABLES, SWITCH_VARIABLE


class Program:
    """A running `segmentation_node`."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'drivseg_ros.node', *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ''))

    @property
    def text(self) -> str:
        return ''.join(list(self.lines))

    def wait_says(self, text: str) -> None:
        wait_for(lambda: text in self.text or self.process.poll() is not None, text)
        assert text in self.text

    def wait_imports(self, library: str) -> None:
        maps = Path(f'/proc/{self.process.pid}/maps')
        wait_for(lambda: library in maps.read_text(), f'{library} is loaded')

    def shared_memory(self) -> set[Path]:
        """The segments of Fast DDS that the process has, its own and those of others."""
        maps = Path(f'/proc/{self.process.pid}/maps').read_text()
        return {
            Path(path)
            for path in re.findall(r'/dev/shm/fast(?:dds|rtps)_[0-9a-f]{16}$', maps, re.M)
        }

    def end(self) -> int:
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status


@pytest.fixture
def run(ros_domain: int) -> Iterator[Callable[..., Program]]:
    programs: list[Program] = []
    # Below nohup it is ignored, programs inherit that, and the node respects it.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def start(**parameters: object) -> Program:
        given = [word for name, value in parameters.items() for word in ('-p', f'{name}:={value}')]
        programs.append(Program('--ros-args', *given))
        return programs[-1]

    yield start
    for program in programs:
        if program.process.poll() is None:
            program.process.kill()
        program.end()
    signal.signal(signal.SIGHUP, before)


def start_importing(run: Callable[..., Program], peer: Peer, folder: Path) -> Program:
    program = run(model=write_tiny_model(folder / 'm.onnx'))
    program.wait_imports('numpy')
    return program


def start_loading(run: Callable[..., Program], peer: Peer, folder: Path) -> Program:
    # The warm-up takes longer than all patience.
    program = run(model=write_tiny_model(folder / 'm.onnx', width=1280, height=960, work=800))
    program.wait_says(': loading ')
    return program


def start_waiting(run: Callable[..., Program], peer: Peer, folder: Path) -> Program:
    program = run(model=write_tiny_model(folder / 'm.onnx'))
    program.wait_says('the node is active')
    return program


def start_working(run: Callable[..., Program], peer: Peer, folder: Path) -> Program:
    model = write_tiny_model(folder / 'm.onnx', width=640, height=480, work=12)
    program = run(model=model, diagnostics_period_s=0.1)
    program.wait_says('the node is active')
    peer.listen('/segmentation/mask')
    camera = peer.camera('/image')
    peer.watch_diagnostics()

    def works() -> bool:
        camera.send(make_image(0))
        statuses = [s for array in peer.diagnostics[-3:] for s in array.status]
        return any(
            keys(s).get('frames processed', '0') != '0' and keys(s)['frames waiting'] == '2'
            for s in statuses
        )

    wait_for(works, 'one frame is in the engine and one in the slot')
    return program


@pytest.mark.parametrize('signals', [[signal.SIGINT] * 3, [signal.SIGTERM], [signal.SIGHUP]])
@pytest.mark.parametrize('start', [start_importing, start_loading, start_waiting, start_working])
def test_ends_without_a_traceback(
    run: Callable[..., Program],
    peer: Peer,
    tmp_path: Path,
    start: Callable[..., Program],
    signals: list[signal.Signals],
) -> None:
    before = set(Path('/dev/shm').iterdir())
    program = start(run, peer, tmp_path)
    segments = program.shared_memory() - before
    for number in signals:
        program.process.send_signal(number)
    assert program.end() == 0
    assert 'Traceback' not in program.text
    assert segments or start is start_importing
    assert not [path for path in segments if path.exists()], 'shared memory is left behind'


def test_ends_without_taking_the_runtimes_down(
    run: Callable[..., Program], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As torch does for more than a second.
    text = 'import atexit, time; atexit.register(time.sleep, 99)'
    (tmp_path / 'sitecustomize.py').write_text(text)
    paths = [str(tmp_path), *filter(None, [os.environ.get('PYTHONPATH')])]
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(paths))
    program = run(model=tiny_model)
    program.wait_says('the node is active')
    program.process.send_signal(signal.SIGINT)
    assert program.end() == 0


def test_masks_between_processes(run: Callable[..., Program], peer: Peer, tiny_model: Path) -> None:
    run(model=tiny_model, image_topics='[/cam/image]').wait_says('the node is active')
    masks = peer.listen('/cam/segmentation/mask')
    camera = peer.camera('/cam/image', qos=BEST_EFFORT)
    sent = make_image(0)

    def arrived() -> bool:
        camera.send(sent)
        return bool(masks)

    wait_for(arrived, 'a mask')
    assert serialize_message(masks[0].header) == serialize_message(sent.header)


def test_bad_model_leaves_it_alive(run: Callable[..., Program], peer: Peer, tmp_path: Path) -> None:
    program = run(model=tmp_path / 'nothing.onnx')
    program.wait_says('configure failed: no model file at ')
    peer.wait_status('engine', lambda s: 'no model file' in s.message, 'it is shown')
    assert program.process.poll() is None
    program.process.send_signal(signal.SIGTERM)
    assert program.end() == 0


@pytest.mark.parametrize(
    ('environment', 'arguments', 'reason'),
    [
        ({SWITCH_VARIABLE: 'maybe'}, [], f"environment variable {SWITCH_VARIABLE} is 'maybe'"),
        ({}, ['--ros-args', '--nonsense'], 'ROS 2 cannot be started: '),
    ],
)
def test_refuses_to_start(
    monkeypatch: pytest.MonkeyPatch,
    ros_domain: int,
    environment: dict[str, str],
    arguments: list[str],
    reason: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    program = Program(*arguments)
    assert program.end() == 1
    assert program.text.startswith('segmentation_node: ')
    assert reason in program.text
    assert 'Traceback' not in program.text


def test_uses_the_profile_of_the_package(
    run: Callable[..., Program],
    peer: Peer,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in PROFILE_VARIABLES:
        monkeypatch.delenv(name)
    run(model=tiny_model, diagnostics_period_s=0.1)
    status = peer.wait_status('engine', lambda s: True, 'diagnostics')
    assert 'fastdds_images.xml (64 MB of shared memory' in keys(status)['DDS profile']
    assert not any(os.environ.get(name) for name in PROFILE_VARIABLES)
