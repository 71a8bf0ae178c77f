# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation live: a bag is played to the node, and what it published goes through the one pass."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.source import BagSource
from drivseg_ros.base.diagnostics import read_counts, read_setup
from drivseg_ros.base.interruption import orderly_end
from drivseg_ros.errors import DrivsegError, ParameterError
from drivseg_ros.evaluation.live.ledger import LiveLedger
from drivseg_ros.evaluation.live.recording import (
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
from drivseg_ros.evaluation.live.source import REPEATED, LiveSource, repeated_stamps
from drivseg_ros.evaluation.live.times import LiveTimes
from drivseg_ros.evaluation.live.usage import UsageSeries
from drivseg_ros.evaluation.measured import Mode, Terms
from drivseg_ros.evaluation.network import RecordedMasks
from drivseg_ros.evaluation.part import Part
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.run import OnFrame, evaluate
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.frames.matching import match_classes
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.model.file import ModelFile

_LOG_LINES = 8


@dataclass(frozen=True, eq=False)
class LiveEvaluation:
    """A live evaluation that can begin.

    Args:
        source: the frames, of a bag.
        model: what the node will run.
        choice: the node's parameters.
        settings: what is counted, and how.
        speed: times recorded speed.

    Raises:
        ParameterError: if the frames cannot be played.
    """

    source: FrameSource
    model: ModelFile
    choice: NodeChoice
    settings: EvaluationSettings
    speed: float

    def __post_init__(self) -> None:
        played_bag(self.source)

    @property
    def terms(self) -> Terms:
        """What decides which metrics it will have."""
        matching = match_classes(self.source.labels, self.model.card.classes)
        return Terms(matching, self.settings, Mode.LIVE)

    def run(
        self,
        *,
        sinks: Sequence[Sink] = (),
        on_frame: OnFrame = lambda done, total: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Evaluation:
        """Plays the bag, and evaluates the masks; see `run_live` and `evaluate_run`.

        Args:
            sinks: what else is made of the frames.
            on_frame: called with the messages played and the messages there are.
            stop: not asked: Ctrl-C ends the playing, and what was played is evaluated.
        """
        with orderly_end(), tempfile.TemporaryDirectory(prefix='drivseg_live_') as folder:
            run = self.play(Path(folder), on_progress=on_frame)
            return evaluate_run(run, self.source, self.model, self.settings, sinks=sinks)

    def play(self, folder: Path, *, on_progress: OnFrame) -> LiveRun:
        """Plays the bag to the node.

        Args:
            folder: where recording and logs go.
            on_progress: called with the messages played and the messages there are.

        Raises:
            DrivsegError: as `run_live` does.
        """
        source, image_topic = played_bag(self.source)
        return run_live(
            source.bag,
            image_topic=image_topic,
            choice=self.choice,
            speed=self.speed,
            folder=folder,
            outputs=('mask', 'confidence') if self.model.has_confidence else ('mask',),
            on_progress=on_progress,
        )


def evaluate_run(
    run: LiveRun,
    source: FrameSource,
    model: ModelFile,
    settings: EvaluationSettings,
    *,
    sinks: Sequence[Sink] = (),
    on_frame: OnFrame = lambda done, total: None,
) -> Evaluation:
    """Evaluates every mask that the node published.

    The ledger of the result is the node's own.

    Args:
        run: what was played and recorded.
        source: the bag that was played.
        model: what the node ran.
        settings: what is counted, and how.
        sinks: what else is made of the frames.
        on_frame: called with the frames done and the frames that were played.

    Raises:
        BagError: if a bag cannot be read.
        DataError: if labels and masks do not fit each other.
        DrivsegError: if the node published no mask, or the ledger does not add up.
        KeyboardInterrupt: if the run was ended before there was a mask.
    """
    recorded = read_recording(run)
    played = read_play_log(run.play_log)
    check_stamps(played, recorded)
    ledger = LiveLedger.of(
        played=len(played), recorded=recorded.masks, reported=read_counts(recorded.diagnostics)
    )
    if not recorded.received_ns:
        if run.interrupted:
            raise KeyboardInterrupt
        log = '\n'.join(run.node_log.read_text(errors='replace').splitlines()[-_LOG_LINES:])
        raise DrivsegError(f'the node published no mask ({ledger}); the end of its log:\n{log}')
    bag, _ = played_bag(source)
    return evaluate(
        LiveSource(bag, run, recorded, played),
        _LiveMasks(model, run, recorded, played, ledger),
        settings=settings,
        sinks=sinks,
        on_frame=on_frame,
    )


def played_bag(source: FrameSource) -> tuple[BagSource, str]:
    """The bag that is played, and the topic of its images.

    Raises:
        ParameterError: if it cannot be played.
    """
    if not isinstance(source, BagSource):
        raise ParameterError(
            f'a live run plays a bag, and {source.title!r} is none; make a bag of it first '
            '(drivseg bag from-images, from-video, or from-dataset)'
        )
    topic = source.topics.image
    if topic is None or not source.has_images:
        raise ParameterError('a live run makes the masks; leave --mask-topic out')
    with BagReader(source.bag) as reader:
        if len(source) < reader.topic(topic).count:
            raise ParameterError('a live run plays the whole bag; leave --limit out')
    return source, topic


class _LiveMasks(RecordedMasks):
    """The masks of a live run, and what is known of it besides."""

    def __init__(
        self,
        model: ModelFile,
        run: LiveRun,
        recorded: Recorded,
        played: Sequence[PlayedFrame],
        ledger: LiveLedger,
    ) -> None:
        description = describe_network(recorded.diagnostics)
        super().__init__(model.card.name, model.card.classes, description, mode=Mode.LIVE)
        self._run = run
        self._recorded = recorded
        self._played = played
        self._ledger = ledger

    def complete(self, part: Part) -> Part:
        """With the node's own ledger, and the times."""
        live = dataclasses.replace(
            self._times(), repeated=part.ledger.failed_by_kind.get(REPEATED, 0)
        )
        interrupted = part.interrupted or self._run.interrupted
        return dataclasses.replace(
            part, ledger=self._ledger.counts, interrupted=interrupted, live=live
        )

    def _times(self) -> LiveTimes:
        played, recorded = self._played, self._recorded
        begin, end = played[0].published_ns, played[-1].published_ns
        rows = []
        repeated = repeated_stamps(played)
        for frame in played:
            received = recorded.received_ns.get(frame.stamp_ns)
            latency = None
            if received is not None and frame.stamp_ns not in repeated:
                latency = round((received - frame.published_ns) / 1e6, 3)
            offset = round((frame.published_ns - begin) / 1e9, 4)
            rows.append((offset, round((frame.published_ns - frame.due_ns) / 1e6, 3), latency))
        usage = UsageSeries()
        if self._run.usage is not None:
            device = recorded.diagnostics.get('device', '')
            usage = self._run.usage.series(begin_ns=begin, end_ns=end, device=device)
        return LiveTimes(
            speed=self._run.speed,
            played=tuple(rows),
            lost_before_node=self._ledger.lost_before_node,
            lost_after_node=self._ledger.lost_after_node,
            stages=recorded.stages,
            usage=usage,
            node=read_setup(recorded.diagnostics),
        )
