# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What teachers say of the training frames: asked once, kept in files that processes map.

Asking costs as much as a training step; a network sees each frame a hundred times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from drivseg_ros.datasets.cache import cached_arrays
from drivseg_ros.segmenter import Segmenter
from drivseg_ros.training.frames import Frames
from drivseg_ros.training.sources import OpenTeacher


def ask_teachers(
    frames: Frames, teachers: Sequence[OpenTeacher], folder: Path, *, threads: int
) -> dict[str, np.ndarray]:
    """The answers to the frames, from the cache, put there first if they are not.

    Args:
        frames: What they are asked about.
        teachers: Who is asked.
        folder: The cache.
        threads: CPU threads of each teacher.

    Returns:
        'answers', uint8 [M, 2 T, H, W]: of each teacher its codes and its confidence.

    Raises:
        DataError: If the answers cannot be written.
    """
    width, height = frames.size
    models = [(t.model.sha256, t.mapping.table().tolist()) for t in teachers]
    return cached_arrays(
        folder,
        key=f'hints {frames.dataset.identity} {models}',
        count=len(frames),
        shapes={'answers': (2 * len(teachers), height, width)},
        make=lambda: _ask(frames, teachers, threads),
    )


def _ask(
    frames: Frames, teachers: Sequence[OpenTeacher], threads: int
) -> Iterator[dict[str, np.ndarray]]:
    segmenters = [
        Segmenter.open(t.model.path, engine='onnxruntime', device='cpu', threads=threads)
        for t in teachers
    ]
    try:
        for index in range(len(frames)):
            image, _ = frames.read(index)
            planes = []
            for teacher, segmenter in zip(teachers, segmenters, strict=True):
                answer = segmenter.segment([image], confidence=True)[0]
                planes += [teacher.mapping.apply(answer.class_ids), answer.confidence]
            yield {'answers': np.stack(planes)}
    finally:
        for segmenter in segmenters:
            segmenter.close()
