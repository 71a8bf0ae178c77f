# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network whose answers are known without training: the strongest colour channel wins."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard
from drivseg_ros.model.file import METADATA_KEY


def write_tiny_model(
    path: Path,
    *,
    width: int = 64,
    height: int = 48,
    batch: int | None = None,
    confidence: bool = True,
    work: int = 0,
    card: str | None = '',
    **card_changes: Any,
) -> Path:
    """Writes a model file in the form of contract 1.

    Red wins: class 0 (direct), green: 1 (alternative), blue: 2 (background), ties: the lower id.
    The confidence is the winning channel's value.

    Args:
        path: the file to write.
        width: network input width; height likewise.
        batch: a fixed batch size, or None for any.
        confidence: whether the model has the output.
        work: so many 3x3 convolutions of 32 channels that change nothing, to make it slow.
        card: the card's text as it is; '' makes a true one, None leaves it out.
        card_changes: changes to the true card.
    """
    n: int | str = 'N' if batch is None else batch
    nodes = [
        helper.make_node('Cast', ['image'], ['cast'], to=TensorProto.FLOAT),
        helper.make_node('Transpose', ['cast'], ['planes'], perm=[0, 3, 1, 2]),
    ]
    initializers = []
    if work:
        widen = np.zeros((32, 3, 1, 1), np.float32)
        widen[[0, 1, 2], [0, 1, 2]] = 1
        same = np.zeros((32, 32, 3, 3), np.float32)
        same[np.arange(32), np.arange(32), 1, 1] = 1
        for name, value in (('widen', widen), ('same', same)):
            initializers.append(numpy_helper.from_array(value, name))
        nodes.append(helper.make_node('Conv', ['planes', 'widen'], ['work_0']))
        for i in range(work):
            nodes.append(
                helper.make_node(
                    'Conv', [f'work_{i}', 'same'], [f'work_{i + 1}'], pads=[1, 1, 1, 1]
                )
            )
        narrow = np.ascontiguousarray(widen.transpose(1, 0, 2, 3))
        initializers.append(numpy_helper.from_array(narrow, 'narrow'))
        nodes.append(helper.make_node('Conv', [f'work_{work}', 'narrow'], ['logits']))
    else:
        nodes.append(helper.make_node('Identity', ['planes'], ['logits']))
    nodes += [
        helper.make_node('ArgMax', ['logits'], ['argmax'], axis=1, keepdims=0),
        helper.make_node('Cast', ['argmax'], ['class_ids'], to=TensorProto.UINT8),
    ]
    outputs = [helper.make_tensor_value_info('class_ids', TensorProto.UINT8, [n, height, width])]
    if confidence:
        nodes += [
            helper.make_node('ReduceMax', ['logits'], ['max'], axes=[1], keepdims=0),
            helper.make_node('Cast', ['max'], ['confidence'], to=TensorProto.UINT8),
        ]
        outputs.append(
            helper.make_tensor_value_info('confidence', TensorProto.UINT8, [n, height, width])
        )
    image = helper.make_tensor_value_info('image', TensorProto.UINT8, [n, height, width, 3])
    graph = helper.make_graph(nodes, 'tiny', [image], outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    if card is not None:
        text = card or tiny_card(width=width, height=height, **card_changes).to_json()
        helper.set_model_props(model, {METADATA_KEY: text})
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def tiny_card(*, width: int = 64, height: int = 48, **changes: Any) -> ModelCard:
    """The true card of the tiny model, with changes."""
    card = ModelCard(
        name='tiny',
        classes=BDD100K_CLASSES,
        input_width=width,
        input_height=height,
        architecture='argmax over colour channels',
    )
    return dataclasses.replace(card, **changes)
