# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation live: a bag is played to the real node, and what it publishes is judged."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.source import BagSource
from drivseg_ros.bags.stamped import StampedMessages
from drivseg_ros.base.diagnostics import read_counts, read_setup
from drivseg_ros.base.interruption import orderly_end
from drivseg_ros.errors import DrivsegError, ParameterError
from drivseg_ros.evaluation.evaluate import evaluate_source
from drivseg_ros.evaluation.live.ledger import LiveLedger
from drivseg_ros.evaluation.live.result import (
    Recorded,
    check_stamps,
    describe_network,
    read_recording,
)
from drivseg_ros.evaluation.live.run import (
    LiveRun,
    NodeChoice,
    PlayedFrame,
    read_play_log,
    run_live,
)
from drivseg_ros.evaluation.live.times import LiveTimes
from drivseg_ros.evaluation.live.usage import UsageSeries
from drivseg_ros.evaluation.measured import Mode, Terms
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.frames.labelled_frame import DROPPED, LabelledFrame, LostFrame
from drivseg_ros.frames.matching import match_classes
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.model.card import ModelClass
from drivseg_ros.model.file import ModelFile

_LOG_LINES = 8
# As BagSource calls the second message of a stamp.
_REPEATED = 'stamp'
_WHICH = 'several messages have this stamp: which of them a mask is of, nobody can tell'


@dataclass(frozen=True, eq=False)
class OpenedLive:
    """A live evaluation that can begin.

    Args:
        frames: the frames, of a bag.
        model: what the node will run.
        choice: the node's parameters.
        settings: what is counted, and how.
        rate: times recorded speed.

    Raises:
        ParameterError: if the frames cannot be played.
    """

    frames: FrameSource
    model: ModelFile
    choice: NodeChoice
    settings: EvaluationSettings
    rate: float
    segmenter: None = None

    def __post_init__(self) -> None:
        _played_bag(self.frames)

    @property
    def network_classes(self) -> tuple[ModelClass, ...]:
        """The classes of the masks."""
        return self.model.card.classes

    @property
    def terms(self) -> Terms:
        """What decides which metrics it will have."""
        matching = match_classes(self.frames.labels, self.network_classes)
        return Terms(matching, self.settings, Mode.LIVE)

    def run(self, on_frame: Callable[[int, int], None] = lambda done, total: None) -> Evaluation:
        """Plays the bag, and judges the masks; see `evaluate_live_source`.

        Args:
            on_frame: called with the frames played and the frames there are.
        """
        with orderly_end(), tempfile.TemporaryDirectory(prefix='drivseg_live_') as folder:
            return evaluate_live_source(self, Path(folder), on_frame=on_frame)


def evaluate_live_source(
    opened: OpenedLive, folder: Path, *, on_frame: Callable[[int, int], None]
) -> Evaluation:
    """Plays a bag to the node and judges every mask that it published.

    The ledger of the result is the node's own. A KeyboardInterrupt ends it early: what was played
    is judged.

    Args:
        opened: the evaluation.
        folder: where recording and logs go.
        on_frame: called with the frames played and the frames there are.

    Raises:
        BagError: if a bag cannot be read.
        DataError: if labels and masks do not fit each other.
        DrivsegError: if a process fails, the node published no mask, or the ledger does not add up.
    """
    source, image_topic = _played_bag(opened.frames)
    has_confidence = opened.model.has_confidence
    run = run_live(
        source.bag,
        image_topic=image_topic,
        choice=opened.choice,
        rate=opened.rate,
        folder=folder,
        outputs=('mask', 'confidence') if has_confidence else ('mask',),
        on_progress=on_frame,
    )
    recorded = read_recording(run)
    played = read_play_log(run.play_log)
    check_stamps(played, recorded)
    ledger = LiveLedger.of(
        played=len(played), recorded=recorded.masks, told=read_counts(recorded.diagnostics)
    )
    if not recorded.received_ns:
        if run.interrupted:
            raise KeyboardInterrupt
        said = '\n'.join(run.node_log.read_text(errors='replace').splitlines()[-_LOG_LINES:])
        raise DrivsegError(f'the node published no mask ({ledger}); it said:\n{said}')
    result = evaluate_source(
        LiveSource(source, run, recorded, played),
        None,
        opened.settings,
        network=describe_network(recorded.diagnostics),
        network_classes=opened.network_classes,
        attributes=opened.frames.attributes,
    )
    (part,) = result.parts
    times = _times(run, recorded, played, ledger, opened.rate)
    times = dataclasses.replace(times, repeated=part.ledger.failed_by_kind.get(_REPEATED, 0))
    part = dataclasses.replace(part, ledger=ledger.counts, interrupted=run.interrupted, live=times)
    return dataclasses.replace(result, mode=Mode.LIVE, parts=(part,))


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
        self.has_images = False
        self._source = source
        self._run = run
        self._recorded = recorded
        self._played = played

    def __len__(self) -> int:
        return len(self._played)

    def __iter__(self) -> Iterator[LabelledFrame | LostFrame]:
        recorded, run = self._recorded, self._run
        repeated = _repeated(self._played)
        masked = recorded.received_ns.keys() - repeated
        with ExitStack() as stack:
            masks = stack.enter_context(StampedMessages(run.recording, run.mask_topic, masked))
            confidences = stack.enter_context(
                StampedMessages(
                    run.recording, run.topic_of('confidence'), recorded.confidences & masked
                )
            )
            for _, frame in zip(self._played, self._source, strict=False):
                if isinstance(frame, LostFrame) and frame.kind != _REPEATED:
                    yield frame
                elif isinstance(frame, LostFrame) or frame.stamp_ns in repeated:
                    yield LostFrame(frame.name, _REPEATED, _WHICH)
                elif frame.stamp_ns not in masked:
                    yield LostFrame(frame.name, DROPPED, 'it was played, and no mask came')
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


def _played_bag(source: FrameSource) -> tuple[BagSource, str]:
    """The bag, and the topic of its images.

    Raises:
        ParameterError: if it cannot be played.
    """
    if not isinstance(source, BagSource):
        raise ParameterError(
            'a live run plays a bag, and this is a data set; make a bag of it first '
            '(drivseg bag from-dataset)'
        )
    topic = source.topics.image
    if topic is None or not source.has_images:
        raise ParameterError('a live run makes the masks; leave --mask-topic out')
    with BagReader(source.bag) as reader:
        if len(source) < reader.topic(topic).count:
            raise ParameterError('a live run plays the whole bag; leave --limit out')
    return source, topic


def _times(
    run: LiveRun,
    recorded: Recorded,
    played: Sequence[PlayedFrame],
    ledger: LiveLedger,
    rate: float,
) -> LiveTimes:
    begin, end = played[0].published_ns, played[-1].published_ns
    rows = []
    repeated = _repeated(played)
    for frame in played:
        received = recorded.received_ns.get(frame.stamp_ns)
        latency = None
        if received is not None and frame.stamp_ns not in repeated:
            latency = round((received - frame.published_ns) / 1e6, 3)
        offset = round((frame.published_ns - begin) / 1e9, 4)
        rows.append((offset, round((frame.published_ns - frame.due_ns) / 1e6, 3), latency))
    usage = UsageSeries()
    if run.usage is not None:
        device = recorded.diagnostics.get('device', '')
        usage = run.usage.series(begin_ns=begin, end_ns=end, device=device)
    return LiveTimes(
        rate=rate,
        played=tuple(rows),
        lost_before_node=ledger.lost_before_node,
        lost_after_node=ledger.lost_after_node,
        stages=recorded.stages,
        usage=usage,
        node=read_setup(recorded.diagnostics),
    )


def _repeated(played: Sequence[PlayedFrame]) -> set[int]:
    """The stamps that more than one message has."""
    return {stamp for stamp, times in Counter(f.stamp_ns for f in played).items() if times > 1}
