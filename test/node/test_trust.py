# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of frames, and the debounced state of a camera."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_model import tiny_card

from drivseg_ros.images.frame_quality import measure_quality
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.node.trust import (
    Cause,
    FrameMeasures,
    Trust,
    TrustLimits,
    TrustState,
    Verdict,
    measure_road_confidence,
)

Frame = NDArray[np.uint8]
LIMITS = TrustLimits()
N = LIMITS.status_frames


class Drive:
    """Gives frames to a state, each with a stamp of its own."""

    def __init__(self, limits: TrustLimits = LIMITS) -> None:
        self.state = TrustState(limits)
        self.stamp_ns = 0

    def add(self, frame: Frame, *, stamp_ns: int | None = None, **more: float) -> Trust:
        self.stamp_ns = self.stamp_ns + 1 if stamp_ns is None else stamp_ns
        quality = measure_quality(frame)
        repeated = self.state.repeats(quality, stamp_ns=self.stamp_ns)
        measures = FrameMeasures(quality=quality, repeated=repeated, **more)
        self.state.add(self.state.limits.levels(measures))
        return self.state.verdict.trust


def live(seed: int) -> Frame:
    return np.random.default_rng(seed).integers(30, 200, (90, 160, 3), np.uint8)


def half_covered(seed: int) -> Frame:
    frame = live(seed)
    frame[:, :80] = (40, 60, 80)
    return frame


def half_smeared(seed: int) -> Frame:
    frame = live(seed)
    blurred = cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 4)
    frame[:, :88] = np.clip(6 * blurred - 570, 30, 230)[:, :88]  # the contrast is kept
    return frame


@pytest.mark.parametrize(
    ('spoil', 'cause'),
    [
        (lambda seed: live(seed) // 20, Cause.DARK),
        (lambda seed: cv2.add(live(seed), (230.0,) * 4), Cause.OVEREXPOSED),
        (half_covered, Cause.BLOCKED),
        (half_smeared, Cause.BLOCKED),
        (lambda seed: live(1000), Cause.FROZEN),
    ],
)
def test_found_and_forgotten_after_n_frames(spoil: Callable[[int], Frame], cause: Cause) -> None:
    drive = Drive()
    assert {drive.add(live(seed)) for seed in range(2 * N)} == {Trust.OK}
    trusts = [drive.add(spoil(100 + i)) for i in range(N)]
    assert trusts == [Trust.OK] * (N - 1) + [Trust.UNTRUSTED]
    assert drive.state.verdict.causes == {cause: Trust.UNTRUSTED}
    assert str(drive.state.verdict) == f'untrusted: {cause.value}'
    trusts = [drive.add(live(200 + i)) for i in range(N)]
    assert trusts == [Trust.UNTRUSTED] * (N - 1) + [Trust.OK]
    assert str(drive.state.verdict) == 'ok'


def noisy_black(frame: Frame) -> Frame:
    noise = np.random.default_rng(int(frame[0, 0, 0])).normal(3, 2, frame.shape)
    return np.clip(noise, 0, 255).astype(np.uint8)


def smeared(frame: Frame) -> Frame:
    height, width = frame.shape[:2]
    share = np.zeros((height, width), np.float32)
    cv2.circle(share, (width // 2, height // 2), int(np.sqrt(0.45 * height * width / np.pi)), 1, -1)
    share = cv2.GaussianBlur(share, (0, 0), 20)[..., None]
    blurred = cv2.GaussianBlur(frame, (0, 0), 12 * width / 1280)
    return (frame * (1 - share) + blurred * share).astype(np.uint8)


def covered(frame: Frame) -> Frame:
    frame = frame.copy()
    frame[:, : frame.shape[1] // 2] = (90, 70, 50)
    return frame


@pytest.mark.parametrize('drive', ['kitti_0005/images', 'town_720p'])
@pytest.mark.parametrize(
    ('spoil', 'cause', 'trust'),
    [
        (noisy_black, Cause.DARK, Trust.UNTRUSTED),
        (lambda f: cv2.convertScaleAbs(f, alpha=4), Cause.OVEREXPOSED, Trust.DEGRADED),
        (covered, Cause.BLOCKED, Trust.UNTRUSTED),
        (smeared, Cause.BLOCKED, Trust.DEGRADED),
        (lambda f: cv2.GaussianBlur(f, (0, 0), 12), Cause.BLOCKED, Trust.UNTRUSTED),
    ],
)
def test_a_drive_that_is_spoilt(
    shared_data: Path, drive: str, spoil: Callable[[Frame], Frame], cause: Cause, trust: Trust
) -> None:
    files = sorted((shared_data / 'drives' / drive).glob('*.[jp][pn]g'))[: 4 * N]
    frames = [cv2.imread(str(file))[..., ::-1] for file in files]
    run = Drive()
    assert {run.add(frame) for frame in frames[:N]} == {Trust.OK}
    found = [run.add(spoil(frame)) for frame in frames[N : 2 * N]]
    assert found[-1] >= trust
    assert next(iter(run.state.verdict.causes)) is cause
    found = [run.add(frame) for frame in frames[2 * N : 3 * N]]
    assert found[-1] is Trust.OK
    frozen = [run.add(frames[3 * N]) for _ in range(N)]
    assert frozen[-1] is Trust.UNTRUSTED


def test_a_flicker_changes_nothing() -> None:
    drive = Drive()
    for seed in range(40):
        frame = live(seed) // 20 if seed % N else live(seed)
        assert drive.add(frame) is Trust.OK


def test_night_is_degraded_at_most() -> None:
    drive = Drive()
    for seed in range(2 * N):
        frame = live(seed) // 20
        frame[40:44] = 120  # a lamp
        drive.add(frame)
    assert drive.state.verdict.causes == {Cause.DARK: Trust.DEGRADED}


@pytest.mark.parametrize(
    ('stamps', 'limits', 'expected'),
    [
        (range(1, 20), LIMITS, Trust.UNTRUSTED),
        ([0] * 19, LIMITS, Trust.UNTRUSTED),  # a driver that stamps nothing
        ([7] * 19, LIMITS, Trust.OK),  # one message sent again and again
        (range(1, 20), replace(LIMITS, status_frozen=False), Trust.OK),
    ],
)
def test_frozen_means_new_stamps(stamps: list[int], limits: TrustLimits, expected: Trust) -> None:
    drive = Drive(limits)
    for stamp_ns in stamps:
        trust = drive.add(live(1), stamp_ns=stamp_ns)
    assert trust is expected


@pytest.mark.parametrize(
    ('more', 'cause'),
    [
        ({'infer_ms': 501.0}, Cause.ENGINE_SLOW),
        ({'road_confidence': 0.44}, Cause.LOW_CONFIDENCE),
        ({'infer_ms': 499.0, 'road_confidence': 0.46}, None),
        ({'road_confidence': math.nan}, None),
    ],
)
def test_what_the_engine_gives(more: dict[str, float], cause: Cause | None) -> None:
    drive = Drive()
    for seed in range(N):
        drive.add(live(seed), **more)
    expected = {} if cause is None else {cause: Trust.DEGRADED}
    assert drive.state.verdict.causes == expected


def test_a_limit_of_0_switches_off() -> None:
    drive = Drive(replace(LIMITS, max_inference_ms=0.0, min_road_confidence=0.0))
    for seed in range(N):
        assert drive.add(live(seed), infer_ms=1e5, road_confidence=0.0) is Trust.OK


def test_what_time_shows_comes_at_once_and_goes_after_n_good_frames() -> None:
    drive = Drive()
    drive.state.mark(Cause.NO_FRAMES)
    assert drive.state.verdict.trust is Trust.UNTRUSTED
    trusts = [drive.add(live(i)) for i in range(N)]
    assert trusts == [Trust.UNTRUSTED] * (N - 1) + [Trust.OK]


def test_a_frame_that_cannot_be_decoded_says_nothing_of_the_picture() -> None:
    drive = Drive()
    for seed in range(N):
        drive.add(live(seed) // 20)
    for _ in range(N):
        drive.state.add({Cause.FRAMES_FAILING: Trust.UNTRUSTED}, shown={Cause.FRAMES_FAILING})
    verdict = drive.state.verdict
    assert list(verdict.causes) == [Cause.FRAMES_FAILING, Cause.DARK]
    assert str(verdict) == 'untrusted: frames failing, dark'


def test_the_gravest_cause_is_first() -> None:
    state = TrustState(replace(LIMITS, status_frames=1))
    state.add({Cause.OVEREXPOSED: Trust.DEGRADED, Cause.BLOCKED: Trust.UNTRUSTED})
    assert list(state.verdict.causes) == [Cause.BLOCKED, Cause.OVEREXPOSED]


def test_other_limits_begin_anew() -> None:
    drive = Drive()
    for seed in range(N):
        drive.add(live(seed) // 20)
    drive.state.limits = replace(LIMITS)  # the same
    assert drive.state.verdict.trust is Trust.UNTRUSTED
    drive.state.limits = replace(LIMITS, status_frames=2)
    assert drive.state.verdict == Verdict()
    drive.add(live(1) // 20)
    assert drive.add(live(2) // 20) is Trust.UNTRUSTED


@pytest.mark.parametrize('shape', [(1, 1), (7, 7), (8, 9), (40, 60), (87, 159), (2160, 3840)])
def test_every_size_is_measured(shape: tuple[int, int]) -> None:
    frame = np.random.default_rng(1).integers(30, 200, (*shape, 3), np.uint8)
    quality = measure_quality(frame[..., ::-1])  # as a bgr8 image is seen
    assert (quality.dark, quality.overexposed) == (0, 0)
    if min(shape) >= 8:
        assert quality.featureless == 0
    assert measure_quality(np.zeros((*shape, 3), np.uint8)).dark == 1


def test_confidence_on_the_road() -> None:
    card = tiny_card()
    class_ids = np.full((180, 40), card.road_ids[0], np.uint8)
    class_ids[:90] = next(c.id for c in card.classes if c.id not in card.road_ids)
    confidence = np.where(class_ids == card.road_ids[0], 102, 255).astype(np.uint8)
    segmentation = Segmentation(class_ids, confidence, card)
    assert measure_road_confidence(segmentation) == pytest.approx(0.4)
    assert math.isnan(measure_road_confidence(replace(segmentation, confidence=None)))
    nowhere = replace(segmentation, class_ids=np.full_like(class_ids, class_ids[0, 0]))
    assert math.isnan(measure_road_confidence(nowhere))
