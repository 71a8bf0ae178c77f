# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A small network of convolutions whose answers are known, and pictures for it.

It blurs the image and names the strongest colour channel: red 0 (direct), green 1, blue 2. On the
way the colours lie in twelve channels of different sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tiny_model import tiny_card

from drivseg_ros.frames.classes import CLASSES_FILE, classes_text
from drivseg_ros.lab.importing.proof import Runner
from drivseg_ros.model.card import BDD100K_CLASSES
from drivseg_ros.model.file import METADATA_KEY

WIDTH, HEIGHT = 64, 48
SIZES = np.geomspace(0.5, 2.0, 12)
LAYERS = ('spread', 'blur', 'mix', 'lift', 'lower', 'merge')
"""The outputs of the convolutions, in their order."""


def write_convolution_model(
    path: Path,
    *,
    lift: float = 0.0,
    batch: int | None = None,
    opset: int = 17,
    depth: int = len(LAYERS),
    **card_changes: Any,
) -> Path:
    """Writes the network in the form of contract 1.

    Args:
        path: the file to write.
        lift: is added to all channels by one convolution and taken away by the next; the larger
            it is, the less 8 bits leave of what lies on top of it.
        batch: a fixed batch size, or None for any.
        opset: of the graph.
        depth: so many of the convolutions, the last one always among them.
        card_changes: changes to the card.
    """
    n: int | str = 'N' if batch is None else batch
    colour = np.arange(12) % 3
    spread = np.zeros((12, 3, 3, 3), np.float32)
    spread[np.arange(12), colour, 1, 1] = SIZES / 255
    blur = np.full((12, 1, 3, 3), 1 / 9, np.float32)
    same = np.eye(12, dtype=np.float32)[..., None, None]
    # Undoes the sizes, so that each colour is the sum of four equal parts.
    merge = np.zeros((3, 12, 1, 1), np.float32)
    merge[colour, np.arange(12), 0, 0] = 60 / SIZES
    one = np.ones(12, np.float32)
    weights = {
        'spread': (spread, 0 * one, 1),
        'blur': (blur, 0 * one, 12),
        'mix': (same, 0 * one, 1),
        'lift': (same, lift * one, 1),
        'lower': (same, -lift * one, 1),
        'merge': (merge, 0 * one[:3], 1),
    }
    names = [*LAYERS[: depth - 1], LAYERS[-1]]
    nodes = [
        helper.make_node('Cast', ['image'], ['cast'], to=TensorProto.FLOAT),
        helper.make_node('Transpose', ['cast'], ['planes'], perm=[0, 3, 1, 2]),
    ]
    constants, source = [], 'planes'
    for name in names:
        weight, bias, group = weights[name]
        constants.append(numpy_helper.from_array(weight, f'{name}_weight'))
        constants.append(numpy_helper.from_array(bias.astype(np.float32), f'{name}_bias'))
        edge = weight.shape[2] // 2
        inputs = [source, f'{name}_weight', f'{name}_bias']
        nodes.append(helper.make_node('Conv', inputs, [name], group=group, pads=[edge] * 4))
        source = name
        if name in ('mix', 'lift'):
            nodes.append(helper.make_node('Relu', [name], [f'{name}_relu']))
            source = f'{name}_relu'
    constants.append(numpy_helper.from_array(np.float32(255), 'top'))
    nodes += [
        helper.make_node('ArgMax', ['merge'], ['argmax'], axis=1, keepdims=0),
        helper.make_node('Cast', ['argmax'], ['class_ids'], to=TensorProto.UINT8),
        helper.make_node('ReduceMax', ['merge'], ['max'], axes=[1], keepdims=0),
        helper.make_node('Min', ['max', 'top'], ['low']),
        helper.make_node('Cast', ['low'], ['confidence'], to=TensorProto.UINT8),
    ]
    values = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, [n, HEIGHT, WIDTH, *rest])
        for name, rest in (('image', [3]), ('class_ids', []), ('confidence', []))
    ]
    graph = helper.make_graph(nodes, 'convolutions', values[:1], values[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    card = tiny_card(width=WIDTH, height=HEIGHT, **{'name': path.stem, **card_changes})
    helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def colour_image(seed: int) -> np.ndarray:
    """uint8 [48, 64, 3]: a few areas of one colour each, with a little noise."""
    rng = np.random.default_rng(seed)
    image = np.full((HEIGHT, WIDTH, 3), 60, np.float64)
    image[..., rng.integers(3)] += rng.uniform(60, 150)
    for _ in range(4):
        top, left = rng.integers(0, HEIGHT - 16), rng.integers(0, WIDTH - 20)
        area = image[top : top + rng.integers(8, 16), left : left + rng.integers(8, 20)]
        area[...] = 60
        area[..., rng.integers(3)] += rng.uniform(60, 150)
    return (image + rng.uniform(-8, 8, image.shape)).clip(0, 255).astype(np.uint8)


def write_colour_frames(folder: Path, count: int) -> Path:
    """Writes pictures, and what the network sees in them as labels: images/ and labels/."""
    for name in ('images', 'labels'):
        (folder / name).mkdir(parents=True)
    for i in range(count):
        image = colour_image(i)
        cv2.imwrite(str(folder / 'images' / f'{i:03}.png'), image[..., ::-1])
        label = cv2.blur(image, (3, 3), borderType=cv2.BORDER_CONSTANT).argmax(-1)
        cv2.imwrite(str(folder / 'labels' / f'{i:03}.png'), label.astype(np.uint8))
    (folder / CLASSES_FILE).write_text(classes_text(BDD100K_CLASSES))
    return folder


def values(model: onnx.ModelProto, names: Sequence[str], image: np.ndarray) -> list[np.ndarray]:
    """The values of some tensors for a batch of images, uint8 [N, H, W, 3]."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    there = {value.name for value in shown.graph.output}
    shown.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in names if name not in there
    )
    return Runner(shown, 'the network', threads=1).run({'image': image}, list(names))
