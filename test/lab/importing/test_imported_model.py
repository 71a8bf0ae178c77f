# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an imported model says of itself: batch, precision, letterbox."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
from foreign_network import HEIGHT, WIDTH, HeadOf, write_foreign_network

from drivseg_ros.lab.importing.card import (
    Activation,
    ClassSpec,
    Color,
    ImportCard,
    InputSpec,
    OutputSpec,
)
from drivseg_ros.lab.importing.importer import import_network
from drivseg_ros.model.card import Resize, Role
from drivseg_ros.segmenter import Segmenter

IMAGES = np.random.default_rng(7).integers(0, 256, (3, HEIGHT, WIDTH, 3), dtype=np.uint8)
PLAIN = InputSpec(Color.RGB, 1 / 255, Resize.STRETCH)
THREE = HeadOf('out', [[6, 1, 0], [0, 5, 2], [1, 0, 7]], [0.3, 0.1, -0.2])
CARD = ImportCard(
    PLAIN,
    (OutputSpec(Activation.SOFTMAX),),
    tuple(ClassSpec(f'class {i}', (i, i, i), Role.NONE, (i,)) for i in range(3)),
)


def test_a_batch_that_changes_the_result_stays_fixed(tmp_path: Path) -> None:
    network = write_foreign_network(tmp_path / 'network.onnx', [THREE], knot='mean')
    file = import_network(network, CARD, tmp_path / 'model.onnx').file
    assert file.batch == 1
    with Segmenter.open(str(file.path), engine='onnxruntime') as segmenter:
        together = segmenter.segment(list(IMAGES))
        alone = [segmenter.segment([image])[0] for image in IMAGES]
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_array_equal(a.class_ids, b.class_ids)


def test_a_quantised_network_says_so(tmp_path: Path) -> None:
    network = write_foreign_network(tmp_path / 'network.onnx', [THREE])
    model = onnx.load(network)
    for name, value in (('scale', np.float32(1 / 255)), ('zero', np.uint8(0))):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(value), name))
    pair = [
        onnx.helper.make_node(op, [x, 'scale', 'zero'], [y])
        for op, x, y in (
            ('QuantizeLinear', 'pixels', 'levels'),
            ('DequantizeLinear', 'levels', 'pixels_again'),
        )
    ]
    model.graph.node[0].input[0] = 'pixels_again'
    nodes = [*pair, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, network)
    file = import_network(network, CARD, tmp_path / 'model.onnx').file
    assert file.card.precision == 'int8'
    with Segmenter.open(str(file.path), engine='onnxruntime') as segmenter:
        found = [s.class_ids for s in segmenter.segment(list(IMAGES))]
    wanted = (IMAGES / 255 @ np.array(THREE.weights).T + THREE.bias).argmax(-1)
    assert (np.array(found) != wanted).mean() < 0.002


def test_letterbox_reaches_the_segmenter(tmp_path: Path) -> None:
    network = write_foreign_network(tmp_path / 'network.onnx', [THREE])
    spec = dataclasses.replace(PLAIN, resize=Resize.LETTERBOX)
    card = dataclasses.replace(CARD, input=spec)
    file = import_network(network, card, tmp_path / 'model.onnx').file
    # Twice as wide as the network sees it at this height: rows of grey above and below.
    wide = np.zeros((WIDTH // 4, WIDTH, 3), np.uint8)
    wide[:, : WIDTH // 2, 0] = 255
    wide[:, WIDTH // 2 :, 2] = 255
    with Segmenter.open(str(file.path), engine='onnxruntime') as segmenter:
        assert segmenter.card.resize is Resize.LETTERBOX
        framed = segmenter.prepare([wide]).copy()
        (segmentation,) = segmenter.segment([wide])
    assert (framed[0, 0] == 114).all()
    assert (framed[0, HEIGHT // 2, 0] == [255, 0, 0]).all()
    assert (segmentation.class_ids[:, : WIDTH // 2] == 0).all()
    assert (segmentation.class_ids[:, WIDTH // 2 :] == 2).all()
