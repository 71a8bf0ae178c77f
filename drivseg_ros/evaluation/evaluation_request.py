# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An evaluation as it is asked for: plain data, which another process can work off."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.bags.player import PlayOptions
from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.errors import ParameterError
from drivseg_ros.evaluation.boundary import DEFAULT_SHARE
from drivseg_ros.evaluation.evaluate import evaluate_source
from drivseg_ros.evaluation.live.evaluation import OpenedLive
from drivseg_ros.evaluation.live.ros_domain import need_rclpy
from drivseg_ros.evaluation.live.run import NodeChoice
from drivseg_ros.evaluation.measured import Mode, Terms
from drivseg_ros.evaluation.open_source import check_resample, open_source
from drivseg_ros.evaluation.report import describe_engine
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.settings import BootstrapSettings, EvaluationSettings
from drivseg_ros.frames.matching import match_classes
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.model.card import ModelCard, ModelClass
from drivseg_ros.model.store import DEFAULT_MODEL, find_model
from drivseg_ros.segmenter import Segmenter

OnFrame = Callable[[int, int], None]
"""Told the frames done and the frames there are."""


@dataclass(frozen=True)
class EvaluationRequest:
    """What is to be evaluated, as it was written: numbers and texts only.

    Args:
        frames: a bag, or a data set (see `open_source`).
        model: name or path; None with masks that are there.
        engine: one of ENGINE_NAMES; the rest as in `EngineOptions`.
        device: see there.
        precision: see there.
        threads: see there.
        topics: of a bag.
        labels: what the labels' values mean; see `open_source`.
        mask_classes: what the masks' values mean; see there.
        data: the folder of data sets.
        limit: so many frames only.
        attributes: a file of them.
        resample: 'auto' or 'frames'.
        bands: see `EvaluationSettings`.
        boundary: see there.
        sequence: whether frames follow each other in time; None: those of a drive do.
        draws: of the bootstrap.
        seed: of the bootstrap.
        title: what to call a bag; None: by its own name.
        live: whether the node makes the masks while the bag is played to it.
        rate: of a live run, times recorded speed.

    Raises:
        ParameterError: if options contradict each other, or one is not allowed.
    """

    frames: str
    model: str | None
    engine: str = 'auto'
    device: str = 'auto'
    precision: str = 'auto'
    threads: int = 0
    topics: BagTopics = dataclasses.field(default_factory=BagTopics)
    labels: str | None = None
    mask_classes: str | None = None
    data: str | None = None
    limit: int | None = None
    attributes: str | None = None
    resample: str = 'auto'
    bands: int = 4
    boundary: float = DEFAULT_SHARE
    sequence: bool | None = None
    draws: int = 1000
    seed: int = 0
    title: str | None = None
    live: bool = False
    rate: float = 1.0

    def __post_init__(self) -> None:
        PlayOptions(speed=self.rate)  # refuses what cannot be played
        if self.rate != 1.0 and not self.live:
            raise ParameterError('--rate is that of a live run; give --live too')
        if self.live and self.topics.mask is not None:
            raise ParameterError('a live run makes the masks itself; leave --mask-topic out')
        if self.live and self.limit is not None:
            raise ParameterError('a live run plays the whole bag; leave --limit out')
        if self.topics.mask is not None and self.model is not None:
            raise ParameterError('masks that are there need no --model; leave one of the two out')
        if self.mask_classes is not None and self.topics.mask is None:
            raise ParameterError('--mask-classes was given without masks; name them (--mask-topic)')
        if self.topics.mask is None and self.model is None:
            raise ParameterError('there are no masks and no network; name one (--model)')
        check_resample(self.resample)
        self.settings(sequence=False)  # refuses what is out of range

    def settings(self, *, sequence: bool) -> EvaluationSettings:
        """What is counted of frames that follow each other in time, or do not."""
        draws = BootstrapSettings(self.draws, self.seed)
        return EvaluationSettings(self.bands, self.boundary, sequence, draws)


@dataclass(frozen=True, eq=False)
class OpenedEvaluation:
    """An evaluation that can begin.

    Attributes:
        frames: the frames.
        segmenter: makes the masks; None if they are there.
        settings: what is counted, and how.
        network: describes what makes the masks.
        network_classes: the classes of the masks.
    """

    frames: FrameSource
    segmenter: Segmenter | None
    settings: EvaluationSettings
    network: Mapping[str, Any]
    network_classes: tuple[ModelClass, ...]

    @property
    def terms(self) -> Terms:
        """What decides which metrics it will have."""
        matching = match_classes(self.frames.labels, self.network_classes)
        mode = Mode.MASKS if self.segmenter is None else Mode.NETWORK
        return Terms(matching, self.settings, mode)

    def run(self, on_frame: OnFrame = lambda done, total: None) -> Evaluation:
        """Judges every frame; raises what `evaluate_source` does."""
        return evaluate_source(
            self.frames,
            self.segmenter,
            self.settings,
            network=self.network,
            network_classes=self.network_classes,
            attributes=self.frames.attributes,
            on_frame=on_frame,
        )


def open_asked(request: EvaluationRequest, card: ModelCard | None) -> FrameSource:
    """Opens the frames alone.

    Args:
        request: whose frames.
        card: of the network, if there is one.

    Raises:
        DrivsegError: as `open_source` does.
    """
    topics = request.topics
    return open_source(
        request.frames,
        labels=request.labels,
        image_topic=topics.image,
        label_topic=topics.label,
        mask_topic=topics.mask,
        confidence_topic=topics.confidence,
        mask_classes=request.mask_classes,
        card=card,
        limit=request.limit,
        data=None if request.data is None else Path(request.data),
        attributes=None if request.attributes is None else Path(request.attributes),
        resample=request.resample,
        title=request.title,
    )


def open_network(request: EvaluationRequest, stack: ExitStack) -> Segmenter | None:
    """The network that is asked for, closed with the stack; None where the masks are there.

    Raises:
        DrivsegError: if it is not to be had.
    """
    if request.model is None:
        return None
    return stack.enter_context(
        Segmenter.open(
            request.model,
            engine=request.engine,
            device=request.device,
            precision=request.precision,
            threads=request.threads,
        )
    )


@contextmanager
def open_evaluation(request: EvaluationRequest) -> Iterator[OpenedEvaluation | OpenedLive]:
    """Loads the network and opens the frames, but judges none.

    Of a live run, no network is loaded: the node does that.

    Raises:
        DrivsegError: if anything asked for is not to be had.
    """
    if request.live:
        yield _open_live(request)
        return
    with ExitStack() as stack:
        segmenter = open_network(request, stack)
        opened = open_asked(request, None if segmenter is None else segmenter.card)
        settings = _settings(request, opened)
        if segmenter is not None:
            network, classes = describe_engine(segmenter.engine), segmenter.card.classes
        else:
            masks = opened.masks
            network = {'masks': request.topics.mask}
            classes = () if masks is None else masks.classes
        yield OpenedEvaluation(opened, segmenter, settings, network, classes)


def _settings(request: EvaluationRequest, opened: FrameSource) -> EvaluationSettings:
    return request.settings(
        sequence=opened.is_drive if request.sequence is None else request.sequence
    )


def _open_live(request: EvaluationRequest) -> OpenedLive:
    need_rclpy('a live run')  # before the whole bag is looked through
    choice = NodeChoice(
        request.model or DEFAULT_MODEL,
        request.engine,
        request.device,
        request.precision,
        request.threads,
    )
    model = find_model(choice.model)
    opened = open_asked(request, model.card)
    return OpenedLive(opened, model, choice, _settings(request, opened), request.rate)
