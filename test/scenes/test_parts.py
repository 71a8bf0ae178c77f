# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivseg_ros.scenes import Drive
from drivseg_ros.scenes.ground import periodic_cover
from drivseg_ros.scenes.layout import draw_layout
from drivseg_ros.scenes.polygon import convex_hull, cover_convex
from drivseg_ros.scenes.randomness import Stream, random_bytes
from drivseg_ros.scenes.texture import Ripmap
from drivseg_ros.scenes.traffic import Traffic

coordinate = st.integers(-400, 1000).map(lambda n: n / 20.0 + 0.003)
outlines = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=9)


@settings(max_examples=80, deadline=None)
@given(outlines)
def test_a_covered_pixel_has_its_centre_inside(points: list[tuple[float, float]]) -> None:
    hull = convex_hull(points)
    covered = np.zeros((24, 32), np.uint8)
    cover_convex(covered, hull, 1, last_row=1e9)
    if len(hull) < 3:
        assert not covered.any()
        return
    rows, columns = np.mgrid[0:24, 0:32].astype(float)
    distance = np.full(rows.shape, np.inf)
    for (ax, ay), (bx, by) in zip(hull, [*hull[1:], hull[0]], strict=True):
        turn = (bx - ax) * (rows - ay) - (by - ay) * (columns - ax)
        distance = np.minimum(distance, turn / np.hypot(bx - ax, by - ay))
    assert np.all(covered[distance > 1e-6] == 1)
    assert np.all(covered[distance < -1e-6] == 0)


def test_rows_beyond_the_last_are_left() -> None:
    covered = np.zeros((20, 20), np.uint8)
    cover_convex(covered, [(2.0, 2.0), (15.0, 2.0), (15.0, 15.0), (2.0, 15.0)], 7, last_row=9.4)
    assert np.array_equal(np.flatnonzero(covered.any(axis=1)), np.arange(2, 10))


@given(st.floats(-50.0, 500.0), st.floats(0.01, 40.0), st.floats(0.5, 5.0), st.floats(5.5, 20.0))
def test_dashes_cover_the_share_that_counting_finds(
    at: float, footprint: float, length: float, period: float
) -> None:
    found = periodic_cover(np.array([at]), np.array([footprint]), length, period)[0]
    samples = at + footprint * (np.arange(4000) + 0.5) / 4000.0 - 0.5 * footprint
    counted = np.mean(np.mod(samples, period) < length)
    assert found == pytest.approx(counted, abs=0.01)


def test_every_level_of_a_texture_keeps_its_mean() -> None:
    picture = random_bytes(64 * 32, 'test').reshape(64, 32)
    ripmap = Ripmap(picture)
    a, b = np.arange(64, dtype=np.int32)[:, None], np.arange(32, dtype=np.int32)[None]
    zero = np.zeros((1, 1), np.int32)
    assert np.array_equal(ripmap.sample(a, b, zero, zero), picture)
    assert np.array_equal(ripmap.sample(a - 64, b + 320, zero, zero), picture)
    for i in range(7):
        for j in range(6):
            level = ripmap.sample(a, b, zero + i, zero + j).astype(float)
            assert level.mean() == pytest.approx(picture.mean(), abs=4.0)
    pairs = (picture[0::2].astype(int) + picture[1::2] + 1) >> 1
    assert np.array_equal(ripmap.sample(a, b, zero + 1, zero)[::2], pairs)


def test_random_numbers_are_the_ones_of_the_first_release() -> None:
    stream = Stream(1, 'a')
    assert [stream.integer(0, 999) for _ in range(5)] == [128, 52, 967, 926, 707]
    assert Stream(1, 'a').unit() != Stream(1, 'b').unit()
    assert random_bytes(6, 'x').tolist() == [225, 67, 36, 222, 179, 107]


@pytest.mark.parametrize('seed', range(12))
def test_vehicles_neither_jump_nor_drive_through_each_other(seed: int) -> None:
    layout = draw_layout(Stream(seed, 'layout'))
    traffic = Traffic(layout, Stream(seed, 'traffic'))
    before: list[tuple[float, float]] | None = None
    touching = pairs = 0
    for step in range(0, 400, 4):
        ego, speed, poses = traffic.at(step * 0.05)
        assert 0.0 <= speed < 45.0
        now = [(pose.along, pose.across) for pose in poses]
        if before is not None:
            for (along, across), (was_along, was_across) in zip(now, before, strict=True):
                seen = -20.0 < along - ego < 200.0 and -20.0 < was_along - ego < 200.0
                assert not seen or abs(along - was_along) < 12.0
                assert not seen or abs(across - was_across) < 1.0
        before = now
        near = [p for p in poses if 0.0 < p.along - ego < 150.0]
        for i, a in enumerate(near):
            pairs += 1
            for b in near[:i]:
                length = 0.5 * (a.shape.length + b.shape.length)
                width = 0.5 * (a.shape.width + b.shape.width)
                touching += abs(a.along - b.along) < length and abs(a.across - b.across) < width
    assert touching <= 0.02 * pairs


def test_somebody_cuts_in_before_the_camera() -> None:
    cut_ins = 0
    for seed in range(40):
        drive = Drive(seed, width=64, height=36)
        left, right = drive._layout.direct
        if drive._layout.lanes < 2:
            continue
        starts, ends = (
            {
                i: left < pose.across < right
                for i, pose in enumerate(drive._traffic.at(time)[2])
                if 4.0 < pose.along - drive._traffic.at(time)[0] < 80.0 and not pose.oncoming
            }
            for time in (0.0, 12.0)
        )
        cut_ins += any(not starts[i] and ends[i] for i in starts.keys() & ends.keys())
    assert cut_ins >= 3
