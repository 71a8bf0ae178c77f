# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames whose labels the tiny model gets partly right, in a folder and in bags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from color_bag import PERIOD_NS, START_NS, color_image

from drivseg_ros.bags import messages
from drivseg_ros.bags.source import BagSource
from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.bags.typestore import LABEL_INFO
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.evaluation.network import RecordedMasks, RunNetwork
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import BootstrapSettings, EvaluationSettings
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.frames.labels import plain_labels
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.frames.source import DatasetSource, FrameSource
from drivseg_ros.model.card import BDD100K_CLASSES, UNLABELLED
from drivseg_ros.segmenter import Segmenter

FRAMES = 8
IMAGE, LABEL, MASK, CONFIDENCE = '/cam/image_raw', '/cam/label', '/cam/mask', '/cam/confidence'
BDD100K = plain_labels('bdd100k', BDD100K_CLASSES)
SETTINGS = EvaluationSettings(bootstrap=BootstrapSettings(draws=200))


def label_of(number: int) -> np.ndarray:
    """What the tiny model says of the image, with a tenth wrong and a tenth unlabelled."""
    random = np.random.default_rng(number)
    label = color_image(number).argmax(-1).astype(np.uint8)
    wrong = random.random(label.shape) < 0.1 * (1 + number % 3)
    label[wrong] = (label[wrong] + 1) % 3
    label[random.random(label.shape) < 0.1] = UNLABELLED
    return label


def stamp(number: int) -> int:
    return START_NS + number * PERIOD_NS


def write_folder(root: Path) -> Path:
    for folder in ('images', 'labels'):
        (root / folder).mkdir(parents=True)
    for i in range(FRAMES):
        cv2.imwrite(str(root / 'images' / f'{i}.png'), color_image(i)[..., ::-1])
        cv2.imwrite(str(root / 'labels' / f'{i}.png'), label_of(i))
    return root


Planes = Sequence[tuple[str, int, np.ndarray]]


def write_bag(path: Path, planes: Planes) -> Path:
    """Writes (topic, number of the frame, pixels) in this order."""
    with BagWriter(path) as writer:
        write_planes(writer, planes)
    return path


def write_planes(writer: BagWriter, planes: Planes) -> None:
    topics = {topic for topic, _, _ in planes}
    for topic in sorted(topics):
        writer.add_topic(topic, 'sensor_msgs/msg/Image')
    if LABEL in topics:
        writer.add_topic('/cam/label_info', LABEL_INFO)
        writer.write('/cam/label_info', START_NS, messages.label_info(BDD100K_CLASSES))
    for place, (topic, number, pixels) in enumerate(planes):
        encoding = 'rgb8' if pixels.ndim == 3 else 'mono8'
        message = messages.image(
            pixels, encoding=encoding, stamp_ns=stamp(number), frame_id='camera'
        )
        writer.write(topic, START_NS + place, message)


def labelled(count: int = FRAMES) -> list[tuple[str, int, np.ndarray]]:
    return [
        plane
        for i in range(count)
        for plane in ((IMAGE, i, color_image(i)), (LABEL, i, label_of(i)))
    ]


def evaluated(
    source: FrameSource,
    model: Path | None,
    *,
    settings: EvaluationSettings = SETTINGS,
    attributes: dict[str, dict[str, str]] | None = None,
    sinks: Sequence[Sink] = (),
) -> Evaluation:
    """What is found of the frames; None: with the masks that are recorded with them."""
    source.attributes = attributes or source.attributes
    if model is None:
        network = RecordedMasks('masks', BDD100K_CLASSES, {'masks': MASK})
        return evaluate(source, network, settings=settings, sinks=sinks)
    with Segmenter.open(model, engine='onnxruntime', device='cpu', threads=1) as segmenter:
        return evaluate(source, RunNetwork(segmenter), settings=settings, sinks=sinks)


def in_bag(bag: Path, **changes: Any) -> BagSource:
    topics = changes.pop('topics', BagTopics(label=LABEL))
    return BagSource(bag, topics, changes.pop('labels', BDD100K), **changes)


def folder_source(root: Path, **options: Any) -> DatasetSource:
    return DatasetSource('folder', open_dataset('folder', root, classes='bdd100k'), **options)
