# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg segment`: what it says, its exit status, and what Ctrl-C leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_line import COMMAND, drivseg
from plain_colors import BLUE, GREEN, RED, read_frames, write_png, write_video
from tiny_model import write_tiny_model

from drivseg_ros.images.files import read_image

segment = partial(drivseg, 'segment')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, color in (('a.png', RED), ('b.png', GREEN), ('c.jpg', BLUE)):
        write_png(tmp_path / 'in' / name, np.full((48, 64, 3), color, np.uint8))
    return tmp_path / 'in'


def test_a_folder(tmp_path: Path, tiny_model: Path, folder: Path) -> None:
    (folder / 'd.jpg').write_text('nonsense')
    (folder / 'e.jpg').symlink_to(folder / 'gone.jpg')
    out = tmp_path / 'out'
    result = segment(folder, '--output', out, '--model', tiny_model, '--side-by-side')
    assert result.returncode == 1, result.stderr  # two pictures are not done
    assert '3 done, 2 failed; median ms a frame: read ' in result.stdout
    for name in ('d.jpg', 'e.jpg'):
        assert str(folder / name) in result.stderr
    for name in ('masks', 'overlays'):
        assert f'  {out / name}\n' in result.stdout
    assert sorted(p.name for p in (out / 'overlays').iterdir()) == ['a.png', 'b.png', 'c.jpg']
    again = segment(folder, '--output', out, '--model', tiny_model)
    assert again.returncode == 1
    assert '--overwrite' in again.stderr
    (folder / 'd.jpg').unlink()
    (folder / 'e.jpg').unlink()
    assert segment(folder, '-o', out, '--model', tiny_model, '--overwrite').returncode == 0


def test_one_picture_to_one_file(tmp_path: Path, tiny_model: Path, folder: Path) -> None:
    out = tmp_path / 'o.png'
    result = segment(folder / 'a.png', '--output', out, '--model', tiny_model)
    assert result.returncode == 0, result.stderr
    assert f'{out}  (the overlay; --masks names a folder for the mask)' in result.stdout
    assert {p.name for p in tmp_path.iterdir()} == {'in', 'models', 'o.png'}
    more = ('--overwrite', '--masks', tmp_path / 'm')
    result = segment(folder / 'a.png', '--output', out, '--model', tiny_model, *more)
    said = result.stdout.splitlines()[1:]
    assert said == [f'  {tmp_path / "m"}', f'  {out}']


def test_a_video(tmp_path: Path, tiny_model: Path) -> None:
    source = write_video(tmp_path / 'in.avi', [RED, GREEN, BLUE])
    out = tmp_path / 'o.mp4'
    result = segment(source, '--output', out, '--model', tiny_model, '--masks', tmp_path / 'm')
    assert result.returncode == 0, result.stderr
    assert '3 done, 0 failed' in result.stdout
    assert len(read_frames(out)) == 3
    assert len(list((tmp_path / 'm').iterdir())) == 3


@pytest.mark.parametrize(
    ('source', 'arguments', 'expected'),
    [
        ('nowhere', ['--output', 'o'], 'there is nothing at'),
        ('drive.mcap', ['--output', 'o'], '`drivseg replay` takes these'),
        ('drive', ['--output', 'o'], '`drivseg replay` takes these'),
        ('broken.jpg', ['--output', 'o'], 'has no frame that can be decoded'),
        ('broken.avi', ['--output', 'o.mp4'], 'is no video that OpenCV can read'),
        ('in', ['--output', 'o.mp4'], 'does not say its frame rate; give one with --rate'),
        ('in', ['--output', 'o', '--width', '100'], '--width and --rate are for videos'),
        ('in', ['--output', 'o.mp4', '--rate', '0'], 'give 0.01 to 1000'),
        ('in', ['--output', 'o.mp4', '--rate', '2000'], 'give 0.01 to 1000'),
        ('in', ['--output', 'o.mp4', '--rate', '5', '--width', '8'], 'give 16 to 16384'),
        ('in', ['--output', 'o', '--model', 'none'], "no model is called 'none'"),
    ],
)
def test_refusals(
    tmp_path: Path, tiny_model: Path, folder: Path, source: str, arguments: list[str], expected: str
) -> None:
    for name in ('drive.mcap', 'broken.jpg', 'broken.avi'):
        (tmp_path / name).write_text('nonsense')
    (tmp_path / 'drive').mkdir()
    (tmp_path / 'drive' / 'metadata.yaml').touch()
    arguments = [str(tmp_path / a) if a[:1] == 'o' else a for a in arguments]
    result = segment(tmp_path / source, '--model', tiny_model, *arguments)
    assert result.returncode == 1
    assert expected in result.stderr
    assert 'Traceback' not in result.stderr
    assert {p.name for p in tmp_path.iterdir() if p.name[0] in 'o.'} == set()


def test_a_confidence_that_the_network_has_not(tmp_path: Path, folder: Path) -> None:
    model = write_tiny_model(tmp_path / 'models' / 'm.onnx', confidence=False)
    result = segment(folder, '-o', tmp_path / 'o', '--confidence', tmp_path / 'c', '--model', model)
    assert result.returncode == 1
    assert "has no output 'confidence'" in result.stderr
    assert not (tmp_path / 'o').exists()


def test_a_video_that_ends_too_early_is_reported(tmp_path: Path, tiny_model: Path) -> None:
    source = write_video(tmp_path / 'in.avi', [RED, GREEN, BLUE, GREEN] * 50)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    result = segment(source, '-o', tmp_path / 'o.mp4', '--model', tiny_model)
    done = len(read_frames(tmp_path / 'o.mp4'))
    assert 0 < done < 200
    assert f'200 frames, of which {done} came out' in result.stderr


@pytest.mark.parametrize(
    'number', [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_interrupted_it_finishes_the_video(tmp_path: Path, number: signal.Signals) -> None:
    model = write_tiny_model(tmp_path / 'slow.onnx', width=320, height=184, work=12)
    source = write_video(tmp_path / 'in.avi', [RED, GREEN] * 2000)
    out, masks = tmp_path / 'o.mp4', tmp_path / 'm'
    process = subprocess.Popen(
        [*COMMAND, 'segment', source, '--output', out, '--model', model, '--masks', masks],
        env={**os.environ, 'NO_COLOR': '1'},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while process.poll() is None and not (masks / '000001.png').exists():
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + number, errors
    assert 'interrupted' in errors
    assert 'Traceback' not in errors
    assert 2 <= len(read_frames(out)) == len(list(masks.glob('??????.png'))) < 4000
    assert not list(tmp_path.rglob('*partial*'))


def test_from_above(tmp_path: Path, tiny_model: Path, folder: Path) -> None:
    camera = tmp_path / 'camera.yaml'
    camera.write_text("""
image_width: 640
image_height: 480
camera_matrix: {rows: 3, cols: 3, data: [400, 0, 320, 0, 400, 240, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}
mounting: {height_m: 1.5, pitch_deg: 10}
""")
    out = tmp_path / 'out'
    result = segment(folder, '-o', out, '--model', tiny_model, '--bird', camera)
    assert result.returncode == 0, result.stderr
    # The grid is 20 m wide and 40 m long, at the pictures' height of 48 pixels.
    assert read_image(out / 'overlays' / 'a.png').shape == (48, 64 + 24, 3)
    assert read_image(out / 'masks' / 'a.png').shape[:2] == (48, 64)
    wrong = segment(folder, '-o', out, '--model', tiny_model, '--bird', tmp_path / 'none.yaml')
    assert wrong.returncode == 1
    assert 'none.yaml' in wrong.stderr


def test_only_so_many(tmp_path: Path, tiny_model: Path) -> None:
    source = write_video(tmp_path / 'in.avi', [RED, GREEN, BLUE, GREEN])
    for name, color in (('a.png', RED), ('b.png', GREEN), ('c.png', BLUE)):
        write_png(tmp_path / 'drive' / name, np.full((48, 64, 3), color, np.uint8))
    model = ('--model', tiny_model, '--limit', '2')
    for given, output in ((source, 'o.mp4'), (tmp_path / 'drive', 'p')):
        result = segment(given, '-o', tmp_path / output, *model)
        assert result.returncode == 0, result.stderr
        assert 'came out' not in result.stderr
    assert len(read_frames(tmp_path / 'o.mp4')) == 2
    assert sorted(p.name for p in (tmp_path / 'p' / 'masks').iterdir()) == ['a.png', 'b.png']
