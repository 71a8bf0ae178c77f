# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An evaluation as it is asked for: plain data, which another process can work off."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.bags.player import PlayOptions
from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.evaluation.boundary import DEFAULT_SHARE
from drivseg_ros.evaluation.live.evaluation import LiveEvaluation
from drivseg_ros.evaluation.live.ros_domain import need_rclpy
from drivseg_ros.evaluation.live.run import NodeChoice
from drivseg_ros.evaluation.measured import Terms
from drivseg_ros.evaluation.network import Network, RecordedMasks, RunNetwork
from drivseg_ros.evaluation.open_source import check_resample, open_source
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.run import OnFrame, evaluate
from drivseg_ros.evaluation.settings import BootstrapSettings, EvaluationSettings
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.frames.matching import match_classes
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.store import DEFAULT_MODEL, find_model
from drivseg_ros.segmenter import Segmenter


@dataclass(frozen=True)
class EvaluationRequest:
    """What is to be evaluated, as it was written: numbers and texts only.

    Args:
        frames: a bag, or a data set (see `open_source`).
        model: name or path; None with recorded masks.
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
        temporal: one of TEMPORAL, as the node's parameter.
        live: whether the node makes the masks while the bag is played to it.
        speed: of a live run, times recorded speed.
        pictures: whether frames will be shown, with the images beside recorded masks.

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
    temporal: str = 'none'
    live: bool = False
    speed: float = 1.0
    pictures: bool = False

    def __post_init__(self) -> None:
        PlayOptions(speed=self.speed)  # refuses what cannot be played
        if self.speed != 1.0 and not self.live:
            raise ParameterError('--speed is that of a live run; give --live too')
        if self.live and self.topics.mask is not None:
            raise ParameterError('a live run makes the masks itself; leave --mask-topic out')
        if self.live and self.limit is not None:
            raise ParameterError('a live run plays the whole bag; leave --limit out')
        if self.temporal != 'none' and (self.live or self.topics.mask is not None):
            raise ParameterError('--temporal is of a network that is run here; leave it out')
        if self.topics.mask is not None and self.model is not None:
            raise ParameterError('recorded masks need no --model; leave one of the two out')
        if self.mask_classes is not None and self.topics.mask is None:
            raise ParameterError('--mask-classes was given without masks; name them (--mask-topic)')
        if self.topics.mask is None and self.model is None:
            raise ParameterError(
                'there are neither recorded masks nor a network; name one (--model)'
            )
        check_resample(self.resample)
        self.settings(sequence=False)  # refuses what is out of range

    def settings(self, *, sequence: bool) -> EvaluationSettings:
        """What is counted of frames that follow each other in time, or do not."""
        draws = BootstrapSettings(self.draws, self.seed)
        return EvaluationSettings(self.bands, self.boundary, sequence, draws)


@dataclass(frozen=True, eq=False)
class OfflineEvaluation:
    """An evaluation that can begin.

    Args:
        source: the frames.
        network: gives the masks.
        settings: what is counted, and how.
    """

    source: FrameSource
    network: Network
    settings: EvaluationSettings

    @property
    def terms(self) -> Terms:
        """What decides which metrics it will have."""
        matching = match_classes(self.source.labels, self.network.classes)
        return Terms(matching, self.settings, self.network.mode)

    def run(
        self,
        *,
        sinks: Sequence[Sink] = (),
        on_frame: OnFrame = lambda done, total: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Evaluation:
        """Goes through the frames; see `evaluate`."""
        return evaluate(
            self.source,
            self.network,
            settings=self.settings,
            sinks=sinks,
            on_frame=on_frame,
            stop=stop,
        )


OpenedEvaluation = OfflineEvaluation | LiveEvaluation


@contextmanager
def open_evaluation(request: EvaluationRequest) -> Iterator[OpenedEvaluation]:
    """Loads the network and opens the frames, but goes through none.

    Of a live run, no network is loaded: the node does that.

    Raises:
        DrivsegError: if anything asked for is not available.
    """
    if request.live:
        yield _open_live(request)
        return
    with ExitStack() as stack:
        network: Network
        if request.model is None:
            source = open_frames(request, None)
            masks = source.masks
            if masks is None:
                raise DataError(f'{request.frames} has no recorded masks; name them (--mask-topic)')
            network = RecordedMasks(masks.name, masks.classes, {'masks': request.topics.mask})
        else:
            segmenter = stack.enter_context(
                Segmenter.open(
                    request.model,
                    engine=request.engine,
                    device=request.device,
                    precision=request.precision,
                    threads=request.threads,
                )
            )
            source = open_frames(request, segmenter.card)
            network = RunNetwork(segmenter, temporal=request.temporal)
        yield OfflineEvaluation(source, network, _settings(request, source))


def _open_live(request: EvaluationRequest) -> LiveEvaluation:
    need_rclpy('a live run')  # before the whole bag is looked through
    choice = NodeChoice(
        request.model or DEFAULT_MODEL,
        request.engine,
        request.device,
        request.precision,
        request.threads,
    )
    model = find_model(choice.model)
    source = open_frames(request, model.card)
    return LiveEvaluation(source, model, choice, _settings(request, source), request.speed)


def open_frames(request: EvaluationRequest, card: ModelCard | None) -> FrameSource:
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
        with_images=request.pictures,
        title=request.title,
    )


def _settings(request: EvaluationRequest, source: FrameSource) -> EvaluationSettings:
    return request.settings(
        sequence=source.is_drive if request.sequence is None else request.sequence
    )
