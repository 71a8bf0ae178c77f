# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one worker thread: newest frame of every camera, network, outputs.

Where batches are a gain, as on a GPU, the frames go through the network as one batch. Elsewhere the
cameras take turns: each frame is taken when its turn comes, and published before the next one's.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from drivseg_ros.errors import DrivsegError, ImageError
from drivseg_ros.images.arrays import MAX_DECODED_PIXELS
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.node.camera import Camera, stamp_ns
from drivseg_ros.node.camera_slot import Frame
from drivseg_ros.node.large_frames import LARGE_PIXELS, LargeFrame
from drivseg_ros.node.publishers import CONFIDENCES
from drivseg_ros.node.throttle import Throttle
from drivseg_ros.node.trust import Cause, Trust
from drivseg_ros.segmenter import Segmenter, Smooth

REPORT_PERIOD_S = 10.0


@dataclass
class _Job:
    """A frame on its way through the worker."""

    camera: Camera
    frame: Frame
    wanted: frozenset[str]
    image: np.ndarray
    stages_ms: dict[str, float] = field(default_factory=dict)
    trusted: bool = True


class Worker:
    """Turns frames into outputs, in a thread of its own.

    Nothing that happens to a frame ends the thread: a failure is counted, reported once in a
    while, and costs that frame, or that batch if the engine failed.

    Args:
        segmenter: the network in use; the worker owns it and closes it.
        cameras: the cameras; one batch holds at most one frame of each.
        logger: for reports of failures.
        alive: whether ROS still runs; if not, publishing fails and nobody wants to know.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        *,
        cameras: Sequence[Camera],
        logger: Any,
        alive: Callable[[], bool],
    ) -> None:
        self.segmenter = segmenter
        self.enabled = True
        self.overlay_alpha = 0.5
        self.max_rate_hz = 0.0
        self.max_pixels = MAX_DECODED_PIXELS
        self.stale_after_s = math.inf
        self.on_untrusted = 'publish'
        self.min_confidence = 0.0
        self.temporal = 'none'
        self._unknown_named = False
        self._cameras = cameras
        self._large: dict[Camera, LargeFrame] = {}
        self._logger = logger
        self._alive = alive
        self._throttle = Throttle(period_s=REPORT_PERIOD_S)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._next: Segmenter | None = None
        self._swapped = threading.Event()
        self._busy_since_s = math.inf

    @property
    def busy_s(self) -> float:
        """How long the engine has worked on the batch that it works on; 0 if on none."""
        return max(0.0, time.monotonic() - self._busy_since_s)

    def start(self) -> None:
        """Starts the thread; every camera's label_info goes out before its first mask."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name='segmentation', daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Signals that a frame, or something else to do, is there; any thread may call it."""
        self._wake.set()

    def stop(self, *, keep_waiting: Callable[[], bool] = lambda: True) -> bool:
        """Stops the thread after the batch it works on.

        Args:
            keep_waiting: asked every now and then; if it says no, the thread goes on.

        Returns:
            Whether the thread has ended.
        """
        self._stopping.set()
        self._wake.set()
        while self._thread is not None:
            self._thread.join(timeout=0.05)
            if not self._thread.is_alive():
                self._thread = None
            elif not keep_waiting():
                self._stopping.clear()  # it goes on when the engine answers
                return False
        return True

    def swap(self, segmenter: Segmenter, *, keep_waiting: Callable[[], bool]) -> bool:
        """Puts another network to work between two batches, and closes the one before.

        Args:
            segmenter: the network, warmed up; the worker owns it from now on.
            keep_waiting: as in `stop`.

        Returns:
            Whether it is in use.
        """
        if self._thread is None:
            before, self.segmenter = self.segmenter, segmenter
        else:
            before = self.segmenter
            self._swapped.clear()
            self._next = segmenter
            self._wake.set()
            while not self._swapped.wait(timeout=0.05):
                if not keep_waiting():
                    self._next = None
                    return self.segmenter is segmenter  # it may have been taken just now
        try:
            before.close()
        except Exception as error:  # the new one is in use all the same
            self._logger.warning(f'the network before cannot be closed: {_text(error)}')
        return True

    def close(self) -> None:
        """Closes the network; the thread must have ended."""
        self.segmenter.close()

    def _run(self) -> None:
        self._publish_label_infos()
        last_s = -math.inf
        while True:
            self._wake.wait()
            # A rate limit waits first and takes the newest frame then.
            while (delay_s := self._delay_s(last_s)) > 0 and not self._stopping.is_set():
                self._stopping.wait(min(delay_s, 0.1))
            if self._stopping.is_set():
                self._drop_large()
                return
            self._wake.clear()
            last_s = time.monotonic()
            self._take_next()
            try:
                self._work()
            except BaseException as error:  # a fault of our own, and no reason to go blind
                if self._alive():
                    self._logger.error(f'the worker failed: {error!r}')

    def _delay_s(self, last_s: float) -> float:
        rate_hz = self.max_rate_hz  # it may change while we wait
        if not rate_hz or self._next is not None:
            return 0.0
        return last_s + 1 / rate_hz - time.monotonic()

    def _take_next(self) -> None:
        if self._next is None:
            if self._unknown_named != self._may_be_unknown():
                self._publish_label_infos()
            return
        self.segmenter, self._next = self._next, None
        for camera in self._cameras:
            camera.smoother.forget()
        self._publish_label_infos()
        self._swapped.set()

    def _publish_label_infos(self) -> None:
        self._unknown_named = self._may_be_unknown()
        for camera in self._cameras:
            try:
                camera.publishers.publish_label_info(
                    self.segmenter.card, unknown=self._unknown_named
                )
            except Exception as error:
                self._report(camera, 'label_info', error)

    def _may_be_unknown(self) -> bool:
        """Whether masks may have pixels that are unknown."""
        return self.on_untrusted == 'unknown' or self.min_confidence > 0

    def _work(self) -> None:
        if self.segmenter.gains_by_batches:
            self._segment(self._cameras)
            return
        for camera in self._cameras:
            if self._stopping.is_set():
                return
            self._segment([camera])

    def _segment(self, cameras: Sequence[Camera]) -> None:
        """The newest frames of some cameras, as one batch."""
        jobs = [job for camera in cameras if (job := self._prepare(camera)) is not None]
        if not jobs:
            return
        started_s = self._busy_since_s = time.monotonic()
        try:
            segmentations = self.segmenter.segment(
                [job.image for job in jobs],
                confidence=any(self._needs_confidence(job) for job in jobs),
                smooth=self._smoothing(jobs),
            )
        except BaseException as error:  # whatever a runtime raises, SystemExit included
            for job in jobs:
                self._fail(job.camera, 'engine', error)
                self._distrust(job.camera, job.frame, Cause.ENGINE_FAILING)
            return
        finally:
            self._busy_since_s = math.inf
        infer_ms = _since_ms(started_s)
        # All masks first: a planner waits for them, and for the pictures only people do.
        for job in jobs:
            job.stages_ms['infer'] = infer_ms
        made = [self._publish_mask(*pair) for pair in zip(jobs, segmentations, strict=True)]
        for job, segmentation in zip(jobs, made, strict=True):
            if segmentation is not None:
                self._finish(job, segmentation)

    def _prepare(self, camera: Camera) -> _Job | None:
        """Takes and decodes a camera's frame; None if there is nothing to do for this camera.

        A large frame is begun in one turn and taken in a later one; meanwhile a newer one waits.
        """
        large = self._large.get(camera)
        if large is not None and not large.is_decoded:
            return None
        frame = camera.slot.take() if large is None else large.frame
        if frame is None:
            return None
        started_s = time.monotonic() if large is None else large.started_s
        self._large.pop(camera, None)
        try:
            wanted = camera.publishers.wanted(
                has_confidence=self.segmenter.engine.model.has_confidence
            )
            if not self.enabled or not wanted:
                camera.monitor.skipped()
                return None
            image = large.image() if large else self._decode(camera, frame)
        except ImageError as error:
            self._fail(camera, error.kind, error)
            self._distrust(camera, frame, Cause.FRAMES_FAILING)
            return None
        except Exception as error:
            self._fail(camera, 'decode', error)
            self._distrust(camera, frame, Cause.FRAMES_FAILING)
            return None
        if image is None:
            return None
        decode_ms = large.seconds * 1e3 if large else _since_ms(started_s)
        stages_ms = {'wait': (started_s - frame.received_s) * 1e3, 'decode': decode_ms}
        return _Job(camera, frame, wanted, image, stages_ms)

    def _decode(self, camera: Camera, frame: Frame) -> np.ndarray | None:
        """The picture; None if it is large, and will be decoded later."""
        limit = self.max_pixels
        try:
            return camera.decode(frame.message, max_pixels=min(limit, LARGE_PIXELS))
        except ImageError as error:
            if error.kind != 'size' or limit <= LARGE_PIXELS:
                raise
        decode = partial(camera.decode, frame.message, max_pixels=limit)
        self._large[camera] = LargeFrame(frame, decode=decode, done=self.wake)
        return None

    def _drop_large(self) -> None:
        """Counts what is being decoded, and will not be used, as dropped."""
        for camera in self._large:
            camera.monitor.ledger.drop()
        self._large.clear()

    def _needs_confidence(self, job: _Job) -> bool:
        if job.wanted & CONFIDENCES:
            return True
        least = max(self.min_confidence, job.camera.trust.limits.min_road_confidence)
        wanted = least > 0 or self.temporal == 'smooth'
        return wanted and self.segmenter.engine.model.has_confidence

    def _smoothing(self, jobs: Sequence[_Job]) -> list[Smooth] | None:
        if self.temporal == 'none':
            return None
        return [
            partial(job.camera.smoother.smooth, stamp_ns=stamp_ns(job.frame.message.header))
            for job in jobs
        ]

    def _assess(self, job: _Job, segmentation: Segmentation) -> Segmentation:
        """Finds how far a mask may be trusted, says so, and returns what is published of it."""
        header = job.frame.message.header
        verdict, measures = job.camera.assess(
            header,
            job.image,
            segmentation,
            infer_ms=job.stages_ms['infer'],
            stale_after_s=self.stale_after_s,
        )
        job.trusted = verdict.trust is not Trust.UNTRUSTED
        outputs = 'publish' if job.trusted else self.on_untrusted
        job.camera.publish_status(header, verdict, outputs=outputs, measures=measures)
        if outputs == 'silent':
            job.wanted = frozenset()
        if outputs == 'unknown':
            return segmentation.as_unknown()
        return segmentation.unknown_below(self.min_confidence)

    def _distrust(self, camera: Camera, frame: Frame, cause: Cause) -> None:
        try:
            camera.distrust(frame.message.header, cause)
        except Exception as error:
            self._report(camera, 'status', error)

    def _publish_mask(self, job: _Job, segmentation: Segmentation) -> Segmentation | None:
        """Status, mask and ground; returns what pictures are made of, None if it failed."""
        started_s = time.monotonic()
        try:
            segmentation = self._assess(job, segmentation)
            header = job.frame.message.header
            job.camera.publishers.publish_mask(header, segmentation, wanted=job.wanted)
            job.camera.publish_ground(header, segmentation, wanted=job.wanted, trusted=job.trusted)
        except Exception as error:
            self._fail(job.camera, 'publish', error)
            return None
        job.stages_ms['publish'] = _since_ms(started_s)
        return segmentation

    def _finish(self, job: _Job, segmentation: Segmentation) -> None:
        header = job.frame.message.header
        started_s = time.monotonic()
        try:
            job.camera.publishers.publish_pictures(
                header,
                job.image,
                segmentation,
                wanted=job.wanted,
                overlay_alpha=self.overlay_alpha,
            )
        except Exception as error:
            self._fail(job.camera, 'publish', error)
            return
        job.stages_ms['publish'] += _since_ms(started_s)
        job.stages_ms['total'] = _since_ms(job.frame.received_s)
        job.camera.monitor.processed(
            steady_s=time.monotonic(),
            stamp_s=header.stamp.sec + header.stamp.nanosec / 1e9,
            stages_ms=job.stages_ms,
        )

    def _fail(self, camera: Camera, kind: str, error: BaseException) -> None:
        camera.monitor.failed(kind, _text(error), steady_s=time.monotonic())
        self._report(camera, kind, error)

    def _report(self, camera: Camera, kind: str, error: BaseException) -> None:
        if not self._alive():
            return
        count = self._throttle.due((camera.topic, kind), now_s=time.monotonic())
        if count:
            before = f' ({count} frames since the last report)' if count > 1 else ''
            self._logger.error(f'{camera.topic}: {kind}: {_text(error)}{before}')


def _since_ms(start_s: float) -> float:
    return (time.monotonic() - start_s) * 1e3


def _text(error: BaseException) -> str:
    """Our own errors explain themselves; others are shown with their class."""
    return str(error) if isinstance(error, DrivsegError) else repr(error)
