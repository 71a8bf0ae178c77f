# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Segmenter: images in, segmentations out. It knows no ROS (DESIGN.md)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from drivseg_ros.engines import Engine, EngineOptions, create_engine
from drivseg_ros.errors import EngineError
from drivseg_ros.model_card import ModelCard
from drivseg_ros.model_store import find_model
from drivseg_ros.segmentation import Segmentation, Timings


class Segmenter:
    """A network on an engine, with everything around it: resizing, batching, timing.

    The images are stretched to the network's input (area averaging when they shrink, linear when
    they grow) and the class ids are brought back to the images' sizes by nearest neighbour.

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
    ) -> Segmenter:
        """Finds a model by name or path and loads it into an engine.

        Raises:
            ModelError: if the model is not found or cannot be used.
            EngineError: if the engine, device or precision is not to be had.
        """
        options = EngineOptions(device=device, precision=precision, threads=threads)
        return cls(create_engine(engine, find_model(model), options))

    @property
    def card(self) -> ModelCard:
        """The network's card."""
        return self.engine.model.card

    def warm_up(self, *, batch_sizes: Sequence[int] = (1,)) -> None:
        """Runs black images through, so that the first real one does not pay for set-up.

        Raises:
            EngineError: if the engine fails.
        """
        image = np.zeros((self._size[1], self._size[0], 3), np.uint8)
        for batch_size in batch_sizes:
            self.segment([image] * batch_size, confidence=self.engine.model.has_confidence)

    def segment(
        self, images: Sequence[np.ndarray], *, confidence: bool = False
    ) -> list[Segmentation]:
        """Segments images, as one batch where the model allows it.

        Args:
            images: uint8 [H, W, 3] RGB, each of its own size; any strides, so that a bgr buffer
                seen as `array[..., ::-1]` costs no copy.
            confidence: whether the confidence is wanted.

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
            results += self._segment_batch(images[start : start + limit], confidence=confidence)
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
            _resize_rgb(image, target)
        return batch

    def close(self) -> None:
        """Closes the engine."""
        self.engine.close()

    def __enter__(self) -> Segmenter:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _segment_batch(
        self, images: Sequence[np.ndarray], *, confidence: bool
    ) -> list[Segmentation]:
        started = time.perf_counter()
        batch = self.prepare(images)
        prepared = time.perf_counter()
        class_ids, confidences = self.engine.infer(batch, confidence=confidence)
        inferred = time.perf_counter()
        self._check_ids(class_ids)
        planes = [
            (
                _restore(class_ids[i], image.shape[:2]),
                None if confidences is None else _restore(confidences[i], image.shape[:2]),
            )
            for i, image in enumerate(images)
        ]
        timings = Timings(
            prepare_ms=(prepared - started) * 1e3,
            infer_ms=(inferred - prepared) * 1e3,
            restore_ms=(time.perf_counter() - inferred) * 1e3,
            batch_size=len(images),
        )
        return [
            Segmentation(class_ids=ids, confidence=conf, card=self.card, timings=timings)
            for ids, conf in planes
        ]

    def _check_ids(self, class_ids: np.ndarray) -> None:
        # Not every graph tells how many classes it has (onnx_classes.py), and an id that the
        # card does not name would reach the planner without a meaning.
        highest = int(class_ids.max())
        if highest >= self.card.num_classes:
            raise EngineError(
                f'{self.engine.model.path} gave the class id {highest}, but its card names the '
                f'ids 0 to {self.card.num_classes - 1} ({", ".join(self.card.class_names)}); '
                'correct the card or the graph'
            )


def _resize_rgb(image: np.ndarray, target: np.ndarray) -> None:
    """Stretches an image into the target, uint8 [h, w, 3]."""
    height, width = target.shape[:2]
    # OpenCV copies arrays with negative strides. A bgr buffer seen as rgb is one, so it is
    # resized as it lies in memory, and the few pixels that are left are turned round.
    turned = image.strides[2] < 0
    source = image[..., ::-1] if turned else image
    if source.shape[:2] == (height, width):
        resized = source
    else:
        shrinks = source.shape[0] >= height and source.shape[1] >= width
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        resized = cv2.resize(source, (width, height), interpolation=interpolation)
    if turned:
        cv2.cvtColor(resized, cv2.COLOR_BGR2RGB, dst=target)
    else:
        target[...] = resized


def _restore(plane: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A copy of the plane at the given (height, width), by nearest neighbour."""
    if plane.shape == shape:
        return plane.copy()
    # Nearest of pixel centres. INTER_NEAREST takes the upper left one and shifts the mask by up
    # to half a network pixel.
    return cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
