# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames and networks that agree in part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import numpy_helper
from tiny_model import write_tiny_model

from drivseg_ros.evaluation.network import RunNetwork
from drivseg_ros.evaluation.parity.agreement import ParityResult
from drivseg_ros.evaluation.parity.sinks import Rival
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import PLAIN
from drivseg_ros.frames.classes import CLASSES_FILE, classes_text
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.model.card import BDD100K_CLASSES
from drivseg_ros.segmenter import Segmenter


def compared(reference: Path, candidate: Path, source: FrameSource) -> ParityResult:
    """Two networks in one pass."""
    with Segmenter.open(reference) as first, Segmenter.open(candidate) as second:
        rival = Rival(second, first)
        evaluate(source, RunNetwork(first), settings=PLAIN, sinks=[rival])
    return rival.result


def write_frames(path: Path, *, frames: int = 4, seed: int = 0) -> Path:
    """Noise, whose strongest channels change from pixel to pixel, and labels partly wrong."""
    rng = np.random.default_rng(seed)
    for name in ('images', 'labels'):
        (path / name).mkdir(parents=True)
    for i in range(frames):
        image = rng.integers(0, 256, (48, 64, 3), np.uint8)
        label = image.argmax(-1).astype(np.uint8)
        label[: 3 * i] = rng.integers(0, 3, (3 * i, 64))
        label[-1] = 255
        cv2.imwrite(str(path / 'images' / f'{i}.png'), image[..., ::-1])
        cv2.imwrite(str(path / 'labels' / f'{i}.png'), label)
    (path / CLASSES_FILE).write_text(classes_text(BDD100K_CLASSES))
    return path


def write_shifted_model(path: Path, *, shift: float, **changes: Any) -> Path:
    """The tiny model with its red channel raised: red wins, and is surer, a little more often."""
    write_tiny_model(path, **changes)
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == 'Identity':
            node.op_type = 'Add'
            node.input.append('shift')
    raised = np.array([shift, 0, 0], np.float32).reshape(1, 3, 1, 1)
    model.graph.initializer.append(numpy_helper.from_array(raised, 'shift'))
    cast = next(n for n in model.graph.node if list(n.output) == ['confidence'])
    cast.input[0] = 'low'
    model.graph.initializer.append(numpy_helper.from_array(np.float32(255), 'top'))
    model.graph.node.insert(
        len(model.graph.node) - 1, onnx.helper.make_node('Min', ['max', 'top'], ['low'])
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
