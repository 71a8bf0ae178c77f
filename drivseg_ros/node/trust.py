# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a camera's masks may be trusted, and why not, debounced. It knows no ROS."""

from __future__ import annotations

import enum
import math
import threading
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from drivseg_ros.images.frame_quality import FrameQuality
from drivseg_ros.model.segmentation import Segmentation

_ROWS = 90  # of the mask and the confidence that are looked at


class Trust(enum.IntEnum):
    """How far masks may be trusted, with the values of a DiagnosticStatus."""

    OK = 0
    DEGRADED = 1
    UNTRUSTED = 2

    def __str__(self) -> str:
        return self.name.lower()


class Cause(enum.Enum):
    """Why masks are not trusted, by the words a user sees, the most specific first."""

    PAUSED = 'paused'
    ENGINE_FAILING = 'engine failing'
    FRAMES_FAILING = 'frames failing'
    NO_FRAMES = 'no frames'
    STALE = 'stale'
    FROZEN = 'frozen'
    DARK = 'dark'
    OVEREXPOSED = 'overexposed'
    BLOCKED = 'blocked or dirty'
    ENGINE_SLOW = 'engine slow'
    LOW_CONFIDENCE = 'low confidence on the road'


OF_OUTPUTS = frozenset(Cause) - {Cause.PAUSED}
"""The causes that a frame with a mask confirms or refutes: all of them."""


@dataclass(frozen=True)
class Verdict:
    """What holds for a camera at one moment.

    Attributes:
        causes: why its masks are not trusted, and how far; the gravest first, then the most
            specific. Empty if they are.
    """

    causes: Mapping[Cause, Trust] = field(default_factory=dict)

    @property
    def trust(self) -> Trust:
        """How far masks may be trusted."""
        return max(self.causes.values(), default=Trust.OK)

    @property
    def names(self) -> str:
        """The causes by name, with commas; '' if there is none."""
        return ', '.join(cause.value for cause in self.causes)

    def __str__(self) -> str:
        return f'{self.trust}: {self.names}' if self.causes else str(self.trust)


PAUSED = Verdict({Cause.PAUSED: Trust.UNTRUSTED})
"""Of a camera whose frames are skipped."""


@dataclass(frozen=True)
class FrameMeasures:
    """What was measured of a frame.

    Attributes:
        quality: its statistics.
        repeated: whether the frame before had the same pixels, and another stamp.
        infer_ms: the time of the engine; 0 if it was not segmented.
        road_confidence: as `measure_road_confidence` gives it; NaN if there is none.
    """

    quality: FrameQuality
    repeated: bool
    infer_ms: float = 0.0
    road_confidence: float = math.nan

    def values(self) -> dict[str, float]:
        """The numbers that the limits are compared with, by the words a user sees."""
        return {
            'share of dark pixels': self.quality.dark,
            'share of overexposed pixels': self.quality.overexposed,
            'share of plain or blurred blocks': self.quality.featureless,
            'pixels repeat': float(self.repeated),
            'confidence on the road': self.road_confidence,
            'inference (ms)': self.infer_ms,
        }


@dataclass(frozen=True)
class TrustLimits:
    """Where frames stop being good; the parameters of these names say more.

    Attributes:
        status_frames: how many frames in a row change the state, in both directions.
        status_frozen: whether pixels that repeat with new stamps count.
        degraded_dark: the share of dark pixels of a degraded frame.
        untrusted_dark: that of an untrusted one.
        degraded_overexposed: the share of overexposed pixels of a degraded frame.
        untrusted_overexposed: that of an untrusted one.
        degraded_blocked: the share of featureless blocks of a degraded frame.
        untrusted_blocked: that of an untrusted one.
        max_inference_ms: the time of the engine beyond which a frame is degraded; 0: none.
        min_road_confidence: the mean confidence on the road below which a frame is degraded.
    """

    status_frames: int = 5
    status_frozen: bool = True
    degraded_dark: float = 0.7
    untrusted_dark: float = 0.985
    degraded_overexposed: float = 0.25
    untrusted_overexposed: float = 0.6
    degraded_blocked: float = 0.2
    untrusted_blocked: float = 0.45
    max_inference_ms: float = 500.0
    min_road_confidence: float = 0.45

    def levels(self, measures: FrameMeasures) -> dict[Cause, Trust]:
        """How far each cause holds for one frame.

        Args:
            measures: what was measured of it.
        """
        quality = measures.quality
        picture = {
            Cause.DARK: _level(quality.dark, self.degraded_dark, self.untrusted_dark),
            Cause.OVEREXPOSED: _level(
                quality.overexposed, self.degraded_overexposed, self.untrusted_overexposed
            ),
            Cause.BLOCKED: _level(
                quality.featureless, self.degraded_blocked, self.untrusted_blocked
            ),
        }
        # A black frame is the same each time, and not because the camera hangs.
        blind = max(picture.values()) is Trust.UNTRUSTED
        frozen = measures.repeated and self.status_frozen and not blind
        slow = 0 < self.max_inference_ms < measures.infer_ms
        unsure = measures.road_confidence < self.min_road_confidence
        return {
            **picture,
            Cause.FROZEN: Trust.UNTRUSTED if frozen else Trust.OK,
            Cause.ENGINE_SLOW: Trust.DEGRADED if slow else Trust.OK,
            Cause.LOW_CONFIDENCE: Trust.DEGRADED if unsure else Trust.OK,
        }


def measure_road_confidence(segmentation: Segmentation) -> float:
    """The mean confidence of the pixels found to be road, 0 to 1.

    Returns:
        NaN if there is no road or no confidence.
    """
    if segmentation.confidence is None:
        return math.nan
    step = max(1, segmentation.class_ids.shape[0] // _ROWS)
    road = np.isin(segmentation.class_ids[::step, ::step], segmentation.card.road_ids)
    values = segmentation.confidence[::step, ::step][road]
    return float(values.mean()) / 255 if values.size else math.nan


class TrustState:
    """The state of a camera. Every method is safe in any thread.

    A cause that frames show comes and goes after `status_frames` frames in a row; one that time
    shows comes at once and goes after as many good frames.

    Args:
        limits: where frames stop being good.
    """

    def __init__(self, limits: TrustLimits | None = None) -> None:
        self._limits = limits or TrustLimits()
        self._lock = threading.Lock()
        self.restart()

    @property
    def limits(self) -> TrustLimits:
        """Where frames stop being good; other limits begin anew."""
        return self._limits

    @limits.setter
    def limits(self, limits: TrustLimits) -> None:
        if limits != self._limits:
            self._limits = limits
            self.restart()

    @property
    def verdict(self) -> Verdict:
        """What holds now."""
        with self._lock:
            causes = dict(self._causes)
        ranked = {cause: causes[cause] for cause in Cause if cause in causes}
        return Verdict(dict(sorted(ranked.items(), key=lambda item: -item[1])))

    def restart(self) -> None:
        """Begins anew: nothing is wrong, as far as is known."""
        with self._lock:
            self._recent: dict[Cause, deque[Trust]] = {}
            self._causes: dict[Cause, Trust] = {}
        self.forget_frame()

    def forget_frame(self) -> None:
        """The clock jumped: the next frame is not compared with the one before."""
        self._digest: int | None = None
        self._stamp_ns = 0

    def repeats(self, quality: FrameQuality, *, stamp_ns: int) -> bool:
        """Whether a frame has the pixels of the one before and a newer stamp, or none at all.

        Every frame is to be asked about once, in order.
        """
        new = stamp_ns != self._stamp_ns or not stamp_ns
        repeated = new and quality.digest == self._digest
        self._digest, self._stamp_ns = quality.digest, stamp_ns
        return repeated

    def add(self, levels: Mapping[Cause, Trust], *, shown: Collection[Cause] = OF_OUTPUTS) -> None:
        """Takes what was found in the next frame.

        Args:
            levels: how far causes hold.
            shown: those of which the frame shows whether they hold; those that are not in
                `levels` do not. A frame that cannot be decoded shows nothing of darkness.
        """
        count = self._limits.status_frames
        with self._lock:
            for cause in shown:
                recent = self._recent.setdefault(cause, deque([Trust.OK] * count, maxlen=count))
                level = levels.get(cause, Trust.OK)
                if cause is Cause.FROZEN and level and not recent[-1]:
                    recent[-1] = level  # the first frame of a freeze is known by the second
                recent.append(level)
                before = self._causes.pop(cause, Trust.OK)
                held = min(max(before, min(recent)), max(recent))
                if held is not Trust.OK:
                    self._causes[cause] = held

    def mark(self, cause: Cause) -> None:
        """Time shows that masks are not to be trusted."""
        count = self._limits.status_frames
        with self._lock:
            self._recent[cause] = deque([Trust.UNTRUSTED] * count, maxlen=count)
            self._causes[cause] = Trust.UNTRUSTED


def _level(share: float, degraded: float, untrusted: float) -> Trust:
    if share >= untrusted:
        return Trust.UNTRUSTED
    return Trust.DEGRADED if share >= degraded else Trust.OK
