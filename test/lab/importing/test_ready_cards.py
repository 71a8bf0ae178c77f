# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ready cards of networks that are not at hand, on small ones of the same form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from foreign_network import HEIGHT, WIDTH, HeadOf, write_foreign_network

from drivseg_ros.lab.importing.card_file import find_card, read_card
from drivseg_ros.lab.importing.importer import import_network
from drivseg_ros.model.card import Resize

RNG = np.random.default_rng(11)
IMAGES = RNG.integers(0, 256, (2, HEIGHT, WIDTH, 3), dtype=np.uint8)
IMAGENET = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def head(name: str, channels: int, **options: object) -> HeadOf:
    weights = RNG.normal(0, 3, (channels, 3))
    weights -= weights.mean(0)
    return HeadOf(name, weights.tolist(), RNG.normal(0, 1, channels).tolist(), **options)


def logits(of: HeadOf) -> np.ndarray:
    """float64 [N, H, W, channels] by ImageNet's normalisation."""
    mean, std = IMAGENET
    return ((IMAGES / 255.0 - mean) / std) @ np.array(of.weights).T + np.array(of.bias)


def run(path: Path) -> tuple[np.ndarray, np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    ids, confidence = session.run(['class_ids', 'confidence'], {'image': IMAGES})
    return ids, confidence


def test_yolop(tmp_path: Path, build_plan: Callable[[Path], int]) -> None:
    area = head('drive_area_seg', 2, last='sigmoid')
    lines = head('lane_line_seg', 2, last='sigmoid')
    network = write_foreign_network(
        tmp_path / 'yolop.onnx', [head('det_out', 6), area, lines], input_name='images', opset=12
    )
    imported = import_network(network, read_card(find_card('yolop')), tmp_path / 'model.onnx')
    card = imported.file.card
    assert imported.outputs_left_out == ('det_out',)
    assert card.resize is Resize.LETTERBOX
    drivable, line = (logits(of).argmax(-1) == 1 for of in (area, lines))
    assert all(0.02 < part.mean() < 0.98 for part in (drivable, line, drivable & line))
    names = np.array(card.class_names)[run(imported.file.path)[0]]
    wanted = np.where(drivable, 'drivable', 'background').astype(object)
    wanted[line & drivable], wanted[line & ~drivable] = 'lane line', 'lane line outside'
    assert (names == wanted).mean() > 0.998
    drivable_names = [card.class_names[i] for i in card.drivable_ids]
    assert drivable_names == ['drivable', 'lane line']
    assert [card.class_names[i] for i in card.road_ids] == [*drivable_names, 'lane line outside']
    assert build_plan(imported.file.path) > 0


def test_cityscapes19(tmp_path: Path, build_plan: Callable[[Path], int]) -> None:
    of = head('logits', 19)
    network = write_foreign_network(tmp_path / 'net.onnx', [of], free_size=True, batch='n')
    file = import_network(
        network,
        read_card(find_card('cityscapes19')),
        tmp_path / 'model.onnx',
        width=WIDTH,
        height=HEIGHT,
    ).file
    assert (run(file.path)[0] == logits(of).argmax(-1)).mean() > 0.998
    assert [file.card.class_names[i] for i in file.card.drivable_ids] == ['road']
    assert file.card.classes[18].color == (119, 11, 32)
    assert build_plan(file.path) > 0


def test_ade20k(tmp_path: Path, build_plan: Callable[[Path], int]) -> None:
    of = head('logits', 150)
    network = write_foreign_network(tmp_path / 'net.onnx', [of])
    file = import_network(network, read_card(find_card('ade20k')), tmp_path / 'model.onnx').file
    powers = np.exp(logits(of))
    powers /= powers.sum(-1, keepdims=True)
    groups = [[6], [91], [11, 52], [12], [20, 80, 83, 102, 116, 127]]
    taken = {channel for group in groups for channel in group}
    groups.append([i for i in range(150) if i not in taken])
    classes = np.stack([powers[..., g].sum(-1) for g in groups], -1)
    ids, confidence = run(file.path)
    assert (ids == classes.argmax(-1)).mean() > 0.998
    assert np.abs(confidence - 255 * classes.max(-1)).max() < 0.51
    assert [file.card.class_names[i] for i in file.card.drivable_ids] == ['road', 'dirt track']
    # 150 channels are summed up before anything is done at the image's size.
    assert not any(node.op_type == 'ArgMax' for node in onnx.load(file.path).graph.node)
    assert build_plan(file.path) > 0


@pytest.mark.parametrize('name', ['twinlitenet', 'twinlitenet_plus'])
def test_twinlitenet(tmp_path: Path, name: str) -> None:
    area = head('da', 2)
    network = write_foreign_network(tmp_path / 'net.onnx', [area, head('ll', 2)])
    file = import_network(network, read_card(find_card(name)), tmp_path / 'model.onnx').file
    values = IMAGES / 255.0 @ np.array(area.weights).T + np.array(area.bias)
    assert (run(file.path)[0] == values.argmax(-1)).mean() > 0.998
    assert file.card.drivable_ids == (1,)
    assert (file.card.resize is Resize.LETTERBOX) == (name == 'twinlitenet_plus')
