# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib

import numpy as np
import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.model.card import BDD100K_CLASSES
from drivseg_ros.scenes import Drive, random_frame

# sha256 of labels and image at 320x180; seen the same with numpy 1.26 and 2.4, OpenCV 4.10 and
# 4.14, and with the vector instructions of either switched off.
GOLDEN = {
    (0, 0): ('07d9581d7b5cd21c', '2cd1ff555536acdc'),
    (1, 37): ('f37940164347400b', '07b27837a989fdb1'),
    (2, 120): ('58203edf331f37f2', '518ffcf9de44882d'),
    (3, 199): ('971faa053d59dca1', '2f5e8dba7da10162'),
    (7, 399): ('2e13496649f6c0cc', '3f17760499b6b05b'),
    (12, 64): ('59cf7dae1f3326ff', '102746301a7859a1'),
}
GOLDEN_RANDOM = ('4b2b7090229d2250', '32735fb2f091e3f1')


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


@pytest.mark.parametrize(('seed', 'index'), list(GOLDEN))
def test_a_drive_is_its_seed_on_every_machine(seed: int, index: int) -> None:
    frame = Drive(seed, width=320, height=180).frame(index)
    assert (digest(frame.class_ids), digest(frame.image)) == GOLDEN[seed, index]


def test_random_frames_are_the_same_on_every_machine() -> None:
    labels, images = hashlib.sha256(), hashlib.sha256()
    for seed in range(40):
        frame = random_frame(seed, 320, 180)
        labels.update(frame.class_ids.tobytes())
        images.update(frame.image.tobytes())
    assert (labels.hexdigest()[:16], images.hexdigest()[:16]) == GOLDEN_RANDOM


def test_frames_do_not_depend_on_the_order_they_are_asked_for() -> None:
    forward, backward = (
        Drive(5, width=160, height=90, rate_hz=10.0, duration_s=1.0) for _ in range(2)
    )
    there = list(forward)
    back = [backward.frame(i) for i in reversed(range(10))][::-1]
    assert len(there) == len(forward) == 10
    for a, b in zip(there, back, strict=True):
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.class_ids, b.class_ids)


def test_the_same_moment_looks_the_same_at_any_rate() -> None:
    slow, fast = (
        Drive(4, width=160, height=90, rate_hz=rate, duration_s=3.0) for rate in (5.0, 20.0)
    )
    assert slow.frame(10).stamp_ns == fast.frame(40).stamp_ns == 2_000_000_000
    assert np.array_equal(slow.frame(10).class_ids, fast.frame(40).class_ids)


@pytest.mark.parametrize('size', [(640, 360), (1242, 375), (33, 47), (320, 240), (240, 320)])
def test_arrays_have_the_size_asked_for(size: tuple[int, int]) -> None:
    width, height = size
    for frame in (Drive(3, width=width, height=height).frame(0), random_frame(3, width, height)):
        assert frame.image.shape == (height, width, 3)
        assert frame.class_ids.shape == (height, width)
        assert frame.image.dtype == frame.class_ids.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert frame.class_ids.flags.c_contiguous
        assert set(np.unique(frame.class_ids)) <= {0, 1, 2}


def test_stamps_count_from_zero_at_the_rate() -> None:
    drive = Drive(1, width=64, height=48, rate_hz=30.0, duration_s=0.2)
    assert [frame.stamp_ns for frame in drive] == [
        0, 33_333_333, 66_666_667, 100_000_000, 133_333_333, 166_666_667,
    ]  # fmt: skip


def test_classes_are_those_of_bdd100k() -> None:
    assert Drive(0).classes == BDD100K_CLASSES


def test_the_description_says_what_is_seen() -> None:
    seen = [Drive(seed, width=64, height=36).description for seed in range(150)]
    assert {d['time'] for d in seen} == {'day', 'dusk', 'night'}
    assert {d['weather'] for d in seen} == {'clear', 'overcast', 'rain', 'fog'}
    assert {d['lanes'] for d in seen} == {1, 2, 3, 4}
    assert {d['road'] for d in seen} == {
        'highway', 'arterial', 'street', 'rural', 'oneway', 'unmarked',
    }  # fmt: skip
    assert any(d['oncoming_lanes'] for d in seen)
    assert any(not d['oncoming_lanes'] for d in seen)
    assert any(d['left_hand_traffic'] for d in seen)
    assert all(0 <= d['ego_lane'] < d['lanes'] for d in seen)


def test_class_shares_are_like_those_of_real_streets() -> None:
    """BDD100K has 12 / 5 / 83 %; a mean over few scenes may well be off by a third."""
    counts = np.zeros(3)
    direct, mean = [], []
    for seed in range(1000, 1120):
        frame = random_frame(seed, 160, 90)
        part = np.bincount(frame.class_ids.ravel(), minlength=3) / frame.class_ids.size
        counts += part
        direct.append(part[0])
        mean.append(float(frame.image.mean()))
    share = counts / counts.sum()
    assert 0.08 < share[0] < 0.2
    assert 0.03 < share[1] < 0.11
    assert 0.72 < share[2] < 0.88
    assert np.mean(np.array(direct) > 0.01) > 0.9
    assert np.percentile(mean, 10) < 60.0 < 100.0 < np.percentile(mean, 90)


def test_no_two_seeds_show_the_same() -> None:
    images = {digest(random_frame(seed, 64, 36).image) for seed in range(60)}
    images |= {digest(Drive(seed, width=64, height=36).frame(0).image) for seed in range(60)}
    assert len(images) == 120


@pytest.mark.parametrize('seed', [0, 1, 9, 14])
def test_motion_between_frames_is_small_but_there(seed: int) -> None:
    drive = Drive(seed, width=320, height=180)
    first = drive.frame(50)
    near, far = drive.frame(51), drive.frame(150)
    changed = np.mean(first.class_ids != near.class_ids)
    assert changed < 0.03
    assert not np.array_equal(first.image, near.image)
    assert np.mean(first.class_ids != far.class_ids) >= changed
    step = np.abs(first.image.astype(int) - near.image).mean()
    assert step < np.abs(first.image.astype(int) - far.image).mean() + 3.0


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'width': 0}, 'width = 0'),
        ({'width': 31}, '32 to 4096'),
        ({'height': 5000}, 'height = 5000'),
        ({'height': 36.5}, 'height = 36.5'),
        ({'width': True}, 'width = True'),
        ({'rate_hz': 0.0}, 'rate_hz = 0.0'),
        ({'rate_hz': -5.0}, 'rate_hz = -5.0'),
        ({'rate_hz': float('nan')}, 'rate_hz = nan'),
        ({'rate_hz': float('inf')}, 'rate_hz = inf'),
        ({'duration_s': 0.0}, 'duration_s = 0.0'),
        ({'duration_s': 1e9}, 'duration_s = 1000000000.0'),
        ({'duration_s': float('nan')}, 'duration_s = nan'),
        ({'seed': -1}, 'seed = -1'),
        ({'seed': 1.5}, 'seed = 1.5'),
    ],
)
def test_a_drive_that_cannot_be_is_refused(change: dict[str, float], words: str) -> None:
    given: dict[str, float] = {'seed': 1, **change}
    with pytest.raises(ParameterError, match=words.replace('.', r'\.')):
        Drive(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize('index', [-1, 20, 1000])
def test_a_frame_that_is_not_there_is_refused(index: int) -> None:
    drive = Drive(1, width=64, height=36, duration_s=1.0)
    with pytest.raises(ParameterError, match=f'frame {index} .* frames 0 to 19'):
        drive.frame(index)


@pytest.mark.parametrize('given', [(-1, 64, 36), (1, 8, 36), (1, 64, 9999)])
def test_a_random_frame_that_cannot_be_is_refused(given: tuple[int, int, int]) -> None:
    with pytest.raises(ParameterError):
        random_frame(*given)
