# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The inputs of the commands in kept.yaml: small, and the same on every machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from color_bag import PERIOD_NS, START_NS, color_image, write_color_bag
from convolution_model import write_colour_frames, write_convolution_model
from evaluation_bags import label_of, write_folder
from foreign_network import HeadOf, write_foreign_network
from onnx import numpy_helper
from plain_colors import BLUE, GREEN, RED, write_png, write_video
from tiny_model import write_tiny_model
from tiny_recipes import content

from drivseg_ros.bags import messages
from drivseg_ros.bags.typestore import LABEL_INFO
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass

# As of the shipped network: one class more than BDD100K's labels have.
FOUR_CLASSES = (
    ModelClass(0, 'direct', (46, 204, 113), 'direct'),
    ModelClass(1, 'alternative', (52, 152, 219), 'alternative'),
    ModelClass(2, 'other_road', (127, 140, 141), 'road'),
    ModelClass(3, 'background', (0, 0, 0), 'none'),
)
IMPORT_CARD = """
input: {color: rgb, scale: 1/255, resize: stretch}
outputs: [{name: out, activation: softmax}]
classes:
  - {name: road, color: [1, 2, 3], role: drivable, channels: [0]}
  - {name: other, color: [0, 0, 0], role: none, channels: rest}
"""


@pytest.fixture(scope='module')
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `in`."""
    folder = tmp_path_factory.mktemp('characterisation') / 'in'
    write_tiny_model(folder / 'tiny.onnx')
    write_tiny_model(folder / 'coarse.onnx', width=8, height=6)
    _write_network_of_four_classes(folder / 'four.onnx')
    write_convolution_model(folder / 'convolutions.onnx')
    heads = [HeadOf('out', [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0])]
    write_foreign_network(folder / 'foreign.onnx', heads)
    (folder / 'card.yaml').write_text(IMPORT_CARD)
    (folder / 'recipe.yaml').write_text(json.dumps(content(epochs=1)))  # JSON is YAML

    write_folder(folder / 'frames')
    write_colour_frames(folder / 'colours', 24)
    for name, color in (('a.png', RED), ('b.png', GREEN), ('c.jpg', BLUE)):
        write_png(folder / 'pictures' / name, np.full((48, 64, 3), color, np.uint8))
    write_png(folder / 'broken' / 'a.png', np.full((48, 64, 3), RED, np.uint8))
    (folder / 'broken' / 'b.png').write_text('no picture')
    write_video(folder / 'clip.avi', [RED, GREEN, BLUE])

    _write_bag(folder / 'drive', [(color_image(i), label_of(i)) for i in range(8)], named=True)
    write_color_bag(folder / 'clear', frames=10)
    _write_three_classes(folder)
    _write_one_bit_labels(folder / 'one_bit')
    frames = [color_image(i) for i in range(3)]
    labels = [frame.argmax(-1).astype(np.uint8) for frame in frames]
    _write_bag(folder / 'same_stamps', list(zip(frames, labels, strict=True)), clock=False)
    return folder


def _write_network_of_four_classes(path: Path) -> None:
    """The tiny model, whose third colour is the last of four classes; nothing is `other_road`."""
    network = onnx.load(write_tiny_model(path, name='four', classes=FOUR_CLASSES))
    (identity,) = (node for node in network.graph.node if node.op_type == 'Identity')
    spread = np.zeros((4, 3, 1, 1), np.float32)
    spread[[0, 1, 3], [0, 1, 2]] = 1
    for name, value in (('spread', spread), ('bias', np.array([0, 0, -1, 0], np.float32))):
        network.graph.initializer.append(numpy_helper.from_array(value, name))
    identity.op_type = 'Conv'
    identity.input.extend(['spread', 'bias'])
    del network.graph.value_info[:]  # shapes of three classes
    onnx.save(onnx.shape_inference.infer_shapes(network, strict_mode=True), path)


def _write_three_classes(folder: Path) -> None:
    """Labels of BDD100K: direct, alternative, background; in a folder and in a bag."""
    frames = []
    for name in ('images', 'labels'):
        (folder / 'three' / name).mkdir(parents=True)
    for i in range(4):
        image = color_image(i)
        label = image.argmax(-1).astype(np.uint8)
        cv2.imwrite(str(folder / 'three' / 'images' / f'{i}.png'), image[..., ::-1])
        cv2.imwrite(str(folder / 'three' / 'labels' / f'{i}.png'), label)
        frames.append((image, label))
    _write_bag(folder / 'three_bag', frames)


def _write_one_bit_labels(folder: Path) -> None:
    """Labels as painting programs save them where there are two ids only."""
    for name in ('images', 'labels'):
        (folder / name).mkdir(parents=True)
    label = np.zeros((48, 64), np.uint8)
    label[24:] = 1
    for i in range(2):
        image = np.full((48, 64, 3), 60 + 40 * i, np.uint8)
        assert cv2.imwrite(str(folder / 'images' / f'{i}.png'), image)
        path = str(folder / 'labels' / f'{i}.png')
        assert cv2.imwrite(path, label * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
    (folder / 'classes.yaml').write_text(
        '- {name: background, color: [0, 0, 0], role: none}\n'
        '- {name: drivable, color: [0, 255, 0], role: drivable}\n'
    )


def _write_bag(
    path: Path,
    frames: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    clock: bool = True,
    named: bool = False,
) -> None:
    """Images and their labels, 20 a second.

    Without a clock all stamps are 0; named, a label_info says what the ids in the labels mean.
    """
    with BagWriter(path) as writer:
        for topic in ('/cam/image_raw', '/cam/label'):
            writer.add_topic(topic, 'sensor_msgs/msg/Image')
        if named:
            writer.add_topic('/cam/label_info', LABEL_INFO)
            writer.write('/cam/label_info', START_NS, messages.label_info(BDD100K_CLASSES))
        for i, (image, label) in enumerate(frames):
            time_ns = START_NS + i * PERIOD_NS
            for topic, pixels, encoding in (
                ('/cam/image_raw', image, 'rgb8'),
                ('/cam/label', label, 'mono8'),
            ):
                message = messages.image(
                    pixels, encoding=encoding, stamp_ns=clock * time_ns, frame_id='camera'
                )
                writer.write(topic, time_ns, message)
