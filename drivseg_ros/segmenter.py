# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Segmenter: images in, segmentations out. It knows no ROS."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from drivseg_ros.engines import Engine, EngineOptions, ImageEngine, create_engine
from drivseg_ros.engines.base import OnProgress, say_nothing
from drivseg_ros.errors import EngineError
from drivseg_ros.images.resizing import Placement, place_image, restore_plane
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.segmentation import Segmentation, Timings
from drivseg_ros.model.store import find_model

Smooth = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
"""Class ids and confidence, each uint8 [H, W], to class ids."""


class Segmenter:
    """A network on an engine, with everything around it: resizing, batching, timing.

    The images are brought to the network's input and the class ids back to the images' sizes as
    images/resizing.py says; an engine that resizes on its own device (`ImageEngine`) does that
    itself.

    It is used by one thread at a time.

    Args:
        engine: the engine; the Segmenter owns it and closes it.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        card = engine.model.card
        self._size = (card.input_width, card.input_height)
        self._buffer = np.empty((0, card.input_height, card.input_width, 3), np.uint8)

    @classmethod
    def open(
        cls,
        model: str | Path,
        *,
        engine: str = 'auto',
        device: str = 'auto',
        precision: str = 'auto',
        threads: int = 0,
        max_batch: int = 1,
        on_progress: OnProgress = say_nothing,
    ) -> Segmenter:
        """Finds a model by name or path and loads it into an engine.

        Args:
            model: name or path.
            engine: one of ENGINE_NAMES; the rest as in `EngineOptions`.
            device: see there.
            precision: see there.
            threads: see there.
            max_batch: see there.
            on_progress: called with how far the engine is, if it has to be built.

        Raises:
            ModelError: if the model is not found or cannot be used.
            EngineError: if the engine, device or precision is not available.
            MissingDependencyError: if the engine is not installed.
        """
        options = EngineOptions(
            device=device, precision=precision, threads=threads, max_batch=max_batch
        )
        return cls(create_engine(engine, find_model(model), options, on_progress=on_progress))

    @property
    def card(self) -> ModelCard:
        """The network's card."""
        return self.engine.model.card

    @property
    def gains_by_batches(self) -> bool:
        """Whether several images at once take less time than one after the other.

        So it is on a GPU, and where the model's batch is fixed, so that one image takes as long as
        all. On a CPU a batch takes as long as its images together (3.0 to 3.8 times as long for
        three of them, docs/bench_engine.json), and the first would wait for the last.
        """
        batch = self.engine.model.batch
        return batch > 1 if batch is not None else self.engine.device != 'cpu'

    def warm_up(self, *, batch_sizes: Sequence[int] = (1,)) -> None:
        """Runs black images through, so that the first real one does not pay for set-up.

        Raises:
            EngineError: if the engine fails.
        """
        image = np.zeros((self._size[1], self._size[0], 3), np.uint8)
        for batch_size in batch_sizes:
            self.segment([image] * batch_size, confidence=self.engine.model.has_confidence)

    def segment(
        self,
        images: Sequence[np.ndarray],
        *,
        confidence: bool = False,
        smooth: Sequence[Smooth] | None = None,
    ) -> list[Segmentation]:
        """Segments images, as one batch where the model allows it.

        Args:
            images: uint8 [H, W, 3] RGB, each of its own size; any strides, so that a bgr buffer
                seen as `array[..., ::-1]` costs no copy.
            confidence: whether the confidence is wanted.
            smooth: for each image, what makes its class ids of those of the engine and their
                confidence, at the network's size where the engine gives that.

        Returns:
            One segmentation for each image, in order.

        Raises:
            ValueError: if an image has another shape or dtype.
            EngineError: if the engine fails.
        """
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
                raise ValueError(
                    f'an image is {image.dtype} of shape {image.shape}; '
                    'it must be uint8 [H, W, 3] RGB, not empty'
                )
        limit = self.engine.model.batch or max(1, len(images))
        results: list[Segmentation] = []
        for start in range(0, len(images), limit):
            part = slice(start, start + limit)
            results += self._segment_batch(
                images[part], confidence=confidence, smooth=None if smooth is None else smooth[part]
            )
        return results

    def prepare(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Resizes images to the network's input.

        Args:
            images: as in `segment`, not more than the model's batch.

        Returns:
            uint8 [N, H, W, 3], valid until the next call. N is the model's batch where that is
            fixed; what is beyond the images is left over from earlier ones.
        """
        size = self.engine.model.batch or len(images)
        if len(self._buffer) < size:
            self._buffer = np.zeros((size, *self._buffer.shape[1:]), np.uint8)
        batch = self._buffer[:size]
        for image, target in zip(images, batch):  # noqa: B905 (the batch may be longer)
            place_image(image, target, self._place(image))
        return batch

    def close(self) -> None:
        """Closes the engine."""
        self.engine.close()

    def __enter__(self) -> Segmenter:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _place(self, image: np.ndarray) -> Placement:
        return Placement.of(self.card, image_width=image.shape[1], image_height=image.shape[0])

    def _segment_batch(
        self, images: Sequence[np.ndarray], *, confidence: bool, smooth: Sequence[Smooth] | None
    ) -> list[Segmentation]:
        if isinstance(self.engine, ImageEngine):
            return self._segment_on_device(
                self.engine, images, confidence=confidence, smooth=smooth
            )
        started = time.perf_counter()
        batch = self.prepare(images)
        prepared = time.perf_counter()
        class_ids, confidences = self.engine.infer(batch, confidence=confidence)
        inferred = time.perf_counter()
        self._check(class_ids, confidences, batch.shape[:3])
        found = [
            (ids, None if confidences is None else confidences[i])
            for i, ids in enumerate(class_ids[: len(images)])
        ]
        planes = [
            (
                restore_plane(ids, image.shape[:2], place),
                None if sure is None else restore_plane(sure, image.shape[:2], place),
            )
            for image, (ids, sure) in zip(images, _smooth(found, smooth), strict=True)
            for place in (self._place(image),)
        ]
        timings = Timings(
            prepare_ms=(prepared - started) * 1e3,
            infer_ms=(inferred - prepared) * 1e3,
            restore_ms=(time.perf_counter() - inferred) * 1e3,
            batch_size=len(images),
        )
        return self._results(planes, timings)

    def _segment_on_device(
        self,
        engine: ImageEngine,
        images: Sequence[np.ndarray],
        *,
        confidence: bool,
        smooth: Sequence[Smooth] | None,
    ) -> list[Segmentation]:
        started = time.perf_counter()
        planes = engine.segment(images, confidence=confidence)
        infer_ms = (time.perf_counter() - started) * 1e3
        for image, (class_ids, confidences) in zip(images, planes, strict=True):
            self._check(class_ids, confidences, image.shape[:2])
        return self._results(
            _smooth(planes, smooth),
            Timings(prepare_ms=0.0, infer_ms=infer_ms, restore_ms=0.0, batch_size=len(images)),
        )

    def _results(
        self, planes: Sequence[tuple[np.ndarray, np.ndarray | None]], timings: Timings
    ) -> list[Segmentation]:
        return [
            Segmentation(class_ids=ids, confidence=conf, card=self.card, timings=timings)
            for ids, conf in planes
        ]

    def _check(
        self, class_ids: np.ndarray, confidences: np.ndarray | None, shape: tuple[int, ...]
    ) -> None:
        """Holds what an engine gave against the card, before anybody uses it.

        An id that the card does not name would reach the planner without a meaning, and not every
        graph shows how many classes it has (model/onnx_classes.py).
        """
        for name, plane in (('class_ids', class_ids), ('confidence', confidences)):
            if plane is not None and (plane.shape != shape or plane.dtype != np.uint8):
                raise EngineError(
                    f'{self.engine.name} gave {name} of {self.engine.model.path} as {plane.dtype} '
                    f'{list(plane.shape)}; by the card it is uint8 {list(shape)}; take another '
                    'engine, or export the model again'
                )
        highest = int(class_ids.max())
        if highest >= self.card.num_classes:
            raise EngineError(
                f'{self.engine.model.path} gave the class id {highest}, but its card names the '
                f'ids 0 to {self.card.num_classes - 1} ({", ".join(self.card.class_names)}); '
                'correct the card or the graph'
            )


def _smooth(
    planes: Sequence[tuple[np.ndarray, np.ndarray | None]], smooth: Sequence[Smooth] | None
) -> Sequence[tuple[np.ndarray, np.ndarray | None]]:
    if smooth is None:
        return planes
    return [(one(ids, sure), sure) for one, (ids, sure) in zip(smooth, planes, strict=True)]
