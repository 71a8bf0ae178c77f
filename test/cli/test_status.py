# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg status`, and what it finds on the recorded drives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import drivseg

N = 5


def write_pictures(folder: Path, spoil: dict[range, Callable[[np.ndarray], np.ndarray]]) -> Path:
    """Thirty pictures, some of them spoilt."""
    folder.mkdir()
    for number in range(30):
        picture = np.random.default_rng(number).integers(60, 220, (96, 160, 3), np.uint8)
        for span, change in spoil.items():
            if number in span:
                picture = change(picture)
        cv2.imwrite(str(folder / f'{number:02}.png'), picture)
    return folder


def test_spans_and_measures(tiny_model: Path, tmp_path: Path) -> None:
    folder = write_pictures(
        tmp_path / 'pictures',
        {range(5, 13): np.zeros_like, range(20, 30): lambda p: np.full_like(p, 255)},
    )
    file = tmp_path / 'status.json'
    done = drivseg('status', folder, '--model', tiny_model, '--json', file)
    assert done.returncode == 0, done.stderr
    # Found at the fifth of each span, and forgotten at the fifth after it.
    assert 'untrusted: dark, low confidence on the road  8 frames, 09 to 16' in done.stdout
    assert 'untrusted: overexposed  6 frames, 24 to 29' in done.stdout
    assert 'frames: 16 ok, 14 untrusted' in done.stdout
    found = json.loads(file.read_text())
    assert found['frames'] == {'ok': 16, 'untrusted': 14}
    assert [s['frames'] for s in found['spans']] == [8, 6]
    assert found['measures']['share of dark pixels'] == [0, 0, 0, 1, 1]
    assert found['limits']['status_frames'] == N


def test_other_limits(tiny_model: Path, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / 'pictures', {range(5, 13): np.zeros_like})
    changes = ['status_frames=1', 'min_road_confidence=0', 'untrusted_dark=2']
    changes.append('status_frozen=false')
    options = [word for change in changes for word in ('--parameter', change)]
    done = drivseg('status', folder, '--model', tiny_model, *options)
    assert done.returncode == 0, done.stderr
    assert 'degraded: dark  8 frames, 05 to 12' in done.stdout


def test_too_few_frames_to_find_anything(tiny_model: Path, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / 'pictures', {range(30): np.zeros_like})
    for limit, words in ((N - 1, f'fewer frames than status_frames, {N},'), (N, '')):
        done = drivseg('status', folder, '--model', tiny_model, '--limit', limit)
        assert done.returncode == 0, done.stderr
        assert words in done.stderr
        assert ('fewer frames' in done.stderr) == bool(words)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ('model=x', 'the limits are status_frames'),
        ('status_frames', 'is no LIMIT=VALUE'),
        ('status_frames=0', 'a whole number from 1 to 1000'),
        ('degraded_dark=1', 'set degraded_dark to 0.985 or less'),
    ],
)
def test_limits_that_are_none(tmp_path: Path, change: str, words: str) -> None:
    done = drivseg('status', tmp_path, '--parameter', change)
    assert done.returncode == 1
    assert words in done.stderr


@pytest.mark.parametrize(
    'drive', ['highway_540p.mp4', 'highway_720p.mp4', 'kitti_0005/images', 'town_720p']
)
def test_no_alarm_on_a_drive_in_daylight(shared_data: Path, drive: str) -> None:
    done = drivseg('status', shared_data / 'drives' / drive, '--parameter', 'max_inference_ms=0')
    assert done.returncode == 0, done.stderr
    assert 'degraded' not in done.stdout
    assert 'untrusted' not in done.stdout
