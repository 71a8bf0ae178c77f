# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the masks of an evaluation come from: a network that is run, or masks that are recorded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any

from drivseg_ros.engines import Engine
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.evaluation.measured import Mode
from drivseg_ros.evaluation.part import Part
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.model.card import ModelCard, ModelClass
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.model.smoothing import TEMPORAL, MaskSmoother
from drivseg_ros.segmenter import Segmenter, Smooth


class Network(ABC):
    """Gives the mask of each frame.

    Attributes:
        mode: where the masks come from.
        classes: of the masks.
        description: the model and the engine that makes the masks, or their topic; plain data.
        has_confidence: whether a confidence comes with the masks, as far as that is known before.
    """

    mode: Mode
    classes: tuple[ModelClass, ...]
    description: Mapping[str, Any]
    has_confidence: bool = False

    def warm_up(self) -> None:  # noqa: B027 (recorded masks are ready)
        """Makes ready, so that the first frame takes as long as the others."""

    @abstractmethod
    def segment(self, frame: LabelledFrame) -> Segmentation:
        """The mask of a frame, with a confidence if there is one.

        Raises:
            DataError: if the frame has not what is needed.
            EngineError: if the engine fails.
        """

    def complete(self, part: Part) -> Part:
        """What is known of a folder or bag when all its frames are done."""
        return part


class RunNetwork(Network):
    """A network that is run on every frame.

    Args:
        segmenter: runs it; it stays the caller's.
        confidence: whether the confidence is wanted, if the network has it.
        temporal: one of TEMPORAL: what is done with the masks of a drive's frames.

    Raises:
        ParameterError: if `temporal` is another.
    """

    mode = Mode.NETWORK

    def __init__(
        self, segmenter: Segmenter, *, confidence: bool = True, temporal: str = 'none'
    ) -> None:
        self.classes = segmenter.card.classes
        self.description = {**describe_engine(segmenter.engine), **_describe(temporal)}
        self._smoother = MaskSmoother() if temporal == 'smooth' else None
        self._sequence = ''
        self._segmenter = segmenter
        self.has_confidence = confidence and segmenter.engine.model.has_confidence

    def warm_up(self) -> None:
        """See `Network`."""
        self._segmenter.warm_up()

    def segment(self, frame: LabelledFrame) -> Segmentation:
        """See `Network`."""
        if frame.image is None:
            raise DataError(f'the frame {frame.name} has no image for the network')
        (found,) = self._segmenter.segment(
            [frame.image], confidence=self.has_confidence, smooth=self._smoothing(frame)
        )
        return found

    def _smoothing(self, frame: LabelledFrame) -> list[Smooth] | None:
        if self._smoother is None:
            return None
        if frame.stamp_ns is None:
            raise DataError(
                f'the frame {frame.name} has no stamp, and masks are smoothed by stamps; give a '
                'bag, or --temporal none'
            )
        if frame.sequence != self._sequence:
            self._sequence = frame.sequence
            self._smoother.forget()
        return [partial(self._smoother.smooth, stamp_ns=frame.stamp_ns)]


def _describe(temporal: str) -> dict[str, Any]:
    if temporal not in TEMPORAL:
        raise ParameterError(f'temporal is {temporal!r}; give one of {", ".join(TEMPORAL)}')
    return {} if temporal == 'none' else {'temporal': temporal}


def describe_engine(engine: Engine) -> dict[str, Any]:
    """The model and the engine that ran it."""
    return {
        'model': engine.model.card.name,
        'file': str(engine.model.path),
        'sha256': engine.model.sha256,
        'engine': engine.name,
        'device': engine.device,
        'precision': engine.precision,
        'threads': engine.threads,
    }


class RecordedMasks(Network):
    """Masks that were recorded.

    Args:
        name: what to call what made them.
        classes: what their ids mean.
        description: see `Network`.
        mode: see `Network`.
    """

    def __init__(
        self,
        name: str,
        classes: tuple[ModelClass, ...],
        description: Mapping[str, Any],
        *,
        mode: Mode = Mode.MASKS,
    ) -> None:
        self.mode = mode
        self.classes = classes
        self.description = description
        # Nobody knows the size of the network's input.
        self._card = ModelCard(name, classes, input_width=1, input_height=1)

    def segment(self, frame: LabelledFrame) -> Segmentation:
        """See `Network`."""
        if frame.mask is None:
            raise DataError(f'the frame {frame.name} has no mask, and no network was given')
        return Segmentation(frame.mask, frame.confidence, self._card)
