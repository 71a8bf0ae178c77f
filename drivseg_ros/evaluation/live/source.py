# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames of a bag that was played to the node, with the masks that it published."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from drivseg_ros.bags.source import BagSource
from drivseg_ros.bags.stamped import StampedMessages
from drivseg_ros.evaluation.live.recording import Recorded
from drivseg_ros.evaluation.live.run import LiveRun, PlayedFrame
from drivseg_ros.frames.labelled_frame import DROPPED, LabelledFrame, LostFrame
from drivseg_ros.frames.source import FrameSource

REPEATED = 'stamp'
"""The kind of a LostFrame whose stamp several messages have; BagSource calls it so, too."""

_WHICH = 'several messages have this stamp; which of them a mask belongs to is unknown'


class LiveSource(FrameSource):
    """The frames of a bag with the masks that the node made of them.

    Args:
        source: the bag.
        run: what was played from it.
        recorded: the times of the masks.
        played: the messages that were played.
    """

    def __init__(
        self, source: BagSource, run: LiveRun, recorded: Recorded, played: Sequence[PlayedFrame]
    ) -> None:
        self.title = source.title
        self.labels = source.labels
        self.is_drive = source.is_drive
        self.unmatched_labels = source.unmatched_labels
        self.attributes = source.attributes
        self.rate_hz = source.rate_hz
        self.has_images = False
        self._source = source
        self._run = run
        self._recorded = recorded
        self._played = played

    def __len__(self) -> int:
        return len(self._played)

    def __iter__(self) -> Iterator[LabelledFrame | LostFrame]:
        recorded, run = self._recorded, self._run
        repeated = repeated_stamps(self._played)
        masked = recorded.received_ns.keys() - repeated
        with ExitStack() as stack:
            masks = stack.enter_context(StampedMessages(run.recording, run.mask_topic, masked))
            confidences = stack.enter_context(
                StampedMessages(
                    run.recording, run.topic_of('confidence'), recorded.confidences & masked
                )
            )
            for _, frame in zip(self._played, self._source, strict=False):
                if isinstance(frame, LostFrame) and frame.kind != REPEATED:
                    yield frame
                elif isinstance(frame, LostFrame):
                    yield LostFrame(frame.name, REPEATED, _WHICH)
                elif frame.stamp_ns in repeated:
                    yield LostFrame(frame.name, REPEATED, _WHICH, frame.image)
                elif frame.stamp_ns not in masked:
                    message = 'it was played, and no mask came'
                    yield LostFrame(frame.name, DROPPED, message, frame.image)
                else:
                    confidence = None
                    if frame.stamp_ns in recorded.confidences:
                        confidence = confidences.plane(frame.stamp_ns)
                    mask = masks.plane(frame.stamp_ns)
                    yield dataclasses.replace(frame, mask=mask, confidence=confidence)

    def take(self, places: Sequence[int]) -> LiveSource:
        """See FrameSource."""
        played = [self._played[i] for i in sorted(places)]
        return LiveSource(self._source.take(places), self._run, self._recorded, played)

    def describe(self) -> dict[str, Any]:
        """Where the frames are from."""
        return self._source.describe()


def repeated_stamps(played: Sequence[PlayedFrame]) -> set[int]:
    """The stamps that more than one message has."""
    return {stamp for stamp, times in Counter(f.stamp_ns for f in played).items() if times > 1}
