# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What teachers say of the training frames.

Asking costs as much as a training step, and a network sees each frame a hundred times: teachers
are asked once, and their answers kept in files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivseg_ros.frames.cache import cached_arrays
from drivseg_ros.lab.training.sources import OpenTeacher
from drivseg_ros.model.card import UNLABELLED
from drivseg_ros.segmenter import Segmenter


@dataclass(frozen=True, eq=False)
class Hints:
    """The answers of teachers to the frames of a data set.

    Args:
        answers: uint8 [M, 2 K, H, W]: codes and confidence of the K teachers that were asked.
        asked: Which of all teachers these are.
    """

    answers: np.ndarray
    asked: tuple[bool, ...]

    def planes(self, index: int) -> list[np.ndarray]:
        """Codes and confidence of one teacher after another; 255 and 0 of one that was not asked.

        Args:
            index: The frame.
        """
        answers = iter(np.array(self.answers[index]))
        height, width = self.answers.shape[2:]
        planes = []
        for asked in self.asked:
            for missing in (UNLABELLED, 0):
                empty = np.full((height, width), missing, np.uint8)
                planes.append(next(answers) if asked else empty)
        return planes


def ask_teachers(
    read: Callable[[int], np.ndarray],
    count: int,
    teachers: Sequence[OpenTeacher],
    folder: Path,
    *,
    identity: str,
    size: tuple[int, int],
    threads: int,
) -> np.ndarray:
    """The answers to frames, from the cache, put there first if they are not.

    Args:
        read: Gives the image of a frame, uint8 [H, W, 3] RGB.
        count: How many frames there are.
        teachers: Who is asked.
        folder: The cache.
        identity: Of the frames.
        size: Their width and height.
        threads: CPU threads of each teacher.

    Returns:
        uint8 [M, 2 K, H, W]: of each teacher its codes and its confidence.

    Raises:
        DataError: If the answers cannot be written.
    """
    if not teachers:
        return np.zeros((count, 0, size[1], size[0]), np.uint8)
    models = [(t.model.sha256, t.mapping.table().tolist()) for t in teachers]
    made = cached_arrays(
        folder,
        key=f'hints {identity} {models}',
        count=count,
        shapes={'answers': (2 * len(teachers), size[1], size[0])},
        make=lambda: _ask(read, count, teachers, threads),
    )
    return made['answers']


def _ask(
    read: Callable[[int], np.ndarray], count: int, teachers: Sequence[OpenTeacher], threads: int
) -> Iterator[dict[str, np.ndarray]]:
    segmenters = [
        Segmenter.open(t.model.path, engine='onnxruntime', device='cpu', threads=threads)
        for t in teachers
    ]
    try:
        for index in range(count):
            image = read(index)
            planes: list[np.ndarray] = []
            for teacher, segmenter in zip(teachers, segmenters, strict=True):
                answer = segmenter.segment([image], confidence=True)[0]
                planes += [teacher.mapping.apply(answer.class_ids), _told(answer.confidence)]
            yield {'answers': np.stack(planes)}
    finally:
        for segmenter in segmenters:
            segmenter.close()


def _told(confidence: np.ndarray | None) -> np.ndarray:
    if confidence is None:  # refused when the teacher was opened
        raise ValueError('the teacher gives no confidence')
    return confidence
