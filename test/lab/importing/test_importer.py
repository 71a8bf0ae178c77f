# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every option of the import card, against the same computed in numpy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from foreign_network import HEIGHT, WIDTH, HeadOf, write_foreign_network

from drivseg_ros.lab.importing.card import (
    REST,
    Activation,
    ClassSpec,
    Color,
    ImportCard,
    InputSpec,
    Layout,
    OutputSpec,
)
from drivseg_ros.lab.importing.importer import ImportedModel, import_network
from drivseg_ros.model.card import Resize, Role
from drivseg_ros.model.onnx_classes import count_classes

RNG = np.random.default_rng(7)
IMAGES = RNG.integers(0, 256, (3, HEIGHT, WIDTH, 3), dtype=np.uint8)
PLAIN = InputSpec(Color.RGB, 1 / 255, Resize.STRETCH)
# Channels that no permutation of the colours leaves as they are.
THREE = HeadOf('out', [[6, 1, 0], [0, 5, 2], [1, 0, 7]], [0.3, 0.1, -0.2])
ONE = HeadOf('out', [[3, -5, 2]], [0.1])
# Twelve hues.
MANY = HeadOf(
    'out',
    [[5 * np.cos(np.pi * (i / 6 + turn / 1.5)) for turn in range(3)] for i in range(12)],
    [0.1 * i for i in range(12)],
)
TWO = HeadOf('out', [[6, 1, 0], [0, 5, 2]], [0.3, 0.1])
AREA = HeadOf('area', [[6, 1, 0], [0, 5, 2]], [0.3, 0.1])
LINES = HeadOf('lines', [[0, 4, 0], [3, 0, 3]], [0.4, 0.0])

Planes = np.ndarray
"""float64 [N, channels, H, W]."""
Expected = Callable[[dict[str, Planes]], tuple[np.ndarray, np.ndarray | None]]
"""From the heads' logits to class ids and winning probability, [N, H, W] each."""


def classes(*channels: Any, output: str | None = None) -> tuple[ClassSpec, ...]:
    return tuple(
        ClassSpec(f'{output or "class"} {i}', (i, i, i), Role.NONE, c, output)
        for i, c in enumerate(channels)
    )


def card(
    *listed: ClassSpec,
    activation: Activation = Activation.SOFTMAX,
    outputs: Sequence[OutputSpec] = (),
    spec: InputSpec = PLAIN,
    threshold: float | None = None,
    layout: Layout = Layout.NCHW,
) -> ImportCard:
    alone = OutputSpec(activation, threshold=threshold, layout=layout)
    return ImportCard(spec, tuple(outputs) or (alone,), tuple(listed))


def softmax(logits: Planes) -> Planes:
    powers = np.exp(logits)
    return powers / powers.sum(1, keepdims=True)


def sigmoid(logits: Planes) -> Planes:
    return 1 / (1 + np.exp(-logits))


def best_of(probabilities: Planes) -> tuple[np.ndarray, np.ndarray]:
    return probabilities.argmax(1), probabilities.max(1)


def best(heads: dict[str, Planes]) -> tuple[np.ndarray, np.ndarray]:
    return best_of(softmax(heads['out']))


def grouped(*groups: list[int]) -> Expected:
    def expected(heads: dict[str, Planes]) -> tuple[np.ndarray, np.ndarray]:
        p = softmax(heads['out'])
        return best_of(np.stack([p[:, g].sum(1) for g in groups], 1))

    return expected


def above(threshold: float, *, there: int) -> Expected:
    def expected(heads: dict[str, Planes]) -> tuple[np.ndarray, np.ndarray]:
        p = sigmoid(heads['out'])[:, 0]
        wins = p > threshold
        return np.where(wins, there, 1 - there), np.where(wins, p, 1 - p)

    return expected


def mapped(table: list[int]) -> Expected:
    return lambda heads: (np.array(table)[heads['out'].argmax(1)], None)


def painted(heads: dict[str, Planes]) -> tuple[np.ndarray, np.ndarray]:
    """Ids 0, 1: the area; 2: a line on 1, 3: a line on 0."""
    area, lines = softmax(heads['area']), softmax(heads['lines'])
    ids, confidence = best_of(area)
    line = lines[:, 1] > lines[:, 0]
    return np.where(line, np.where(ids == 1, 2, 3), ids), np.where(line, lines[:, 1], confidence)


def painted_anywhere(heads: dict[str, Planes]) -> tuple[np.ndarray, np.ndarray]:
    """Ids 0, 1: the area; 2: a line, above 0.7."""
    ids, confidence = best_of(softmax(heads['area']))
    line = sigmoid(heads['lines'])[:, 0]
    return np.where(line > 0.7, 2, ids), np.where(line > 0.7, line, confidence)


def enlarged(heads: dict[str, Planes]) -> tuple[np.ndarray, np.ndarray]:
    p = softmax(heads['out'])
    big = [[cv2.resize(c, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR) for c in n] for n in p]
    return best_of(np.array(big))


def enlarged_above(heads: dict[str, Planes]) -> tuple[np.ndarray, np.ndarray]:
    p = np.array([cv2.resize(n[0], (WIDTH, HEIGHT)) for n in sigmoid(heads['out'])])
    return np.where(p > 0.52, 0, 1), np.where(p > 0.52, p, 1 - p)


def enlarged_ids(heads: dict[str, Planes]) -> tuple[np.ndarray, None]:
    return heads['out'].argmax(1).repeat(4, axis=1).repeat(4, axis=2), None


TWO_OUTPUTS = (OutputSpec(Activation.SOFTMAX, 'area'), OutputSpec(Activation.SOFTMAX, 'lines'))
PAINT = (
    *classes((0,), (1,), output='area'),
    ClassSpec('on', (2, 2, 2), Role.NONE, (1,), 'lines', ('area 1',)),
    ClassSpec('off', (3, 3, 3), Role.NONE, (1,), 'lines', ('area 0',)),
)
SPEC = InputSpec(Color.BGR, 1 / 255, Resize.STRETCH, mean=(0.4, 0.5, 0.3), std=(0.2, 0.25, 0.22))
GREY = InputSpec(Color.RGB, 1.0, Resize.STRETCH, mean=(100.0, 110.0, 120.0), std=(50.0, 60.0, 70.0))
IDENTITY = classes((0,), (1,), (2,))

Case = tuple[str, Sequence[HeadOf], dict[str, Any], ImportCard, Expected]
CASES: list[Case] = [
    ('rgb', [THREE], {}, card(*IDENTITY), best),
    (
        'bgr',
        [THREE],
        {},
        card(*IDENTITY, spec=dataclasses.replace(PLAIN, color=Color.BGR)),
        best,
    ),
    ('mean and std, bgr', [THREE], {}, card(*IDENTITY, spec=SPEC), best),
    ('mean and std of grey levels', [THREE], {}, card(*IDENTITY, spec=GREY), best),
    (
        'nhwc',
        [THREE],
        {'layout': 'nhwc'},
        card(
            *IDENTITY,
            spec=dataclasses.replace(SPEC, layout=Layout.NHWC),
            layout=Layout.NHWC,
        ),
        best,
    ),
    ('two channels', [TWO], {}, card(*classes((0,), (1,))), best),
    ('two, turned round', [TWO], {}, card(*classes((1,), (0,))), grouped([1], [0])),
    (
        'channels in another order',
        [THREE],
        {},
        card(*classes((2,), (0,), (1,))),
        grouped([2], [0], [1]),
    ),
    ('merged into two', [THREE], {}, card(*classes((1,), (0, 2))), grouped([1], [0, 2])),
    (
        'merged into three',
        [MANY],
        {},
        card(*classes((3, 4), REST, (7,))),
        grouped([3, 4], [0, 1, 2, 5, 6, 8, 9, 10, 11], [7]),
    ),
    ('many', [MANY], {}, card(*classes(*[(i,) for i in range(12)])), best),
    (
        'many in another order',
        [MANY],
        {},
        card(*classes(*[(11 - i,) for i in range(12)])),
        grouped(*[[11 - i] for i in range(12)]),
    ),
    (
        'sigmoid',
        [ONE],
        {},
        card(*classes(REST, (0,)), activation=Activation.SIGMOID),
        above(0.5, there=1),
    ),
    (
        'sigmoid, high threshold, class first',
        [ONE],
        {},
        card(*classes((0,), REST), activation=Activation.SIGMOID, threshold=0.8),
        above(0.8, there=0),
    ),
    (
        'one probability',
        [dataclasses.replace(ONE, last='sigmoid')],
        {},
        card(*classes(REST, (0,)), activation=Activation.PROBABILITIES, threshold=0.3),
        above(0.3, there=1),
    ),
    (
        'softmax inside',
        [dataclasses.replace(THREE, last='softmax')],
        {},
        card(*IDENTITY, activation=Activation.PROBABILITIES),
        best,
    ),
    (
        'sigmoids inside',
        [dataclasses.replace(THREE, last='sigmoid')],
        {},
        card(*IDENTITY, activation=Activation.PROBABILITIES),
        lambda heads: best_of(sigmoid(heads['out'])),
    ),
    (
        'argmax inside',
        [dataclasses.replace(THREE, last='argmax')],
        {},
        card(*IDENTITY, activation=Activation.CLASS_IDS),
        mapped([0, 1, 2]),
    ),
    (
        'argmax inside, bytes, merged',
        [dataclasses.replace(MANY, last='argmax_uint8')],
        {},
        card(*classes((3, 4), REST), activation=Activation.CLASS_IDS),
        mapped([1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1]),
    ),
    (
        'argmax inside, smaller',
        [dataclasses.replace(THREE, last='argmax_keep', shrink=4)],
        {},
        card(*IDENTITY, activation=Activation.CLASS_IDS),
        enlarged_ids,
    ),
    ('smaller', [dataclasses.replace(THREE, shrink=4)], {}, card(*IDENTITY), enlarged),
    (
        'smaller, one channel',
        [dataclasses.replace(ONE, shrink=8)],
        {},
        card(*classes((0,), REST), activation=Activation.SIGMOID, threshold=0.52),
        enlarged_above,
    ),
    ('two heads', [AREA, LINES], {}, card(*PAINT, outputs=TWO_OUTPUTS), painted),
    (
        'two heads, one channel',
        [AREA, dataclasses.replace(ONE, name='lines'), dataclasses.replace(MANY, name='boxes')],
        {},
        card(
            *classes((0,), (1,), output='area'),
            *classes((0,), output='lines'),
            outputs=(
                TWO_OUTPUTS[0],
                OutputSpec(Activation.SIGMOID, 'lines', threshold=0.7),
            ),
        ),
        painted_anywhere,
    ),
    ('old opset', [THREE], {'opset': 11}, card(*IDENTITY), best),
    ('new opset', [MANY], {'opset': 18}, card(*classes(*[(i,) for i in range(12)])), best),
    ('fp16', [THREE], {'dtype': np.float16}, card(*IDENTITY), best),
    (
        'free size',
        [THREE],
        {'free_size': True, 'batch': 'n'},
        card(*IDENTITY, spec=dataclasses.replace(SPEC, width=WIDTH, height=HEIGHT)),
        best,
    ),
    (
        'our names',
        [dataclasses.replace(THREE, name='class_ids')],
        {'input_name': 'image'},
        card(*IDENTITY),
        lambda heads: best_of(softmax(heads['class_ids'])),
    ),
    ('tied to its batch', [THREE], {'knot': 'reshape', 'batch': 2}, card(*IDENTITY), best),
]


@pytest.fixture(params=CASES, ids=lambda case: case[0])
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def run_import(case: Case, folder: Path) -> ImportedModel:
    _, heads, options, import_card, _ = case
    network = write_foreign_network(folder / 'network.onnx', heads, **options)
    return import_network(network, import_card, folder / 'model.onnx')


def run(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {'image': images}), strict=True))


def logits(case: Case, images: np.ndarray) -> dict[str, Planes]:
    """What the network's heads see, by the formula of the card."""
    _, heads, _, import_card, _ = case
    spec = import_card.input
    colors = images[..., ::-1] if spec.color is Color.BGR else images
    values = (colors.astype(np.float64) * spec.scale - spec.mean) / spec.std
    result = {}
    for head in heads:
        planes = np.einsum('nhwc,kc->nkhw', values, np.array(head.weights))
        planes += np.array(head.bias)[:, None, None]
        n, k, h, w = planes.shape
        s = head.shrink
        result[head.name] = planes.reshape(n, k, h // s, s, w // s, s).mean((3, 5))
    return result


def test_results(case: Case, tmp_path: Path) -> None:
    imported = run_import(case, tmp_path)
    assert imported.file.batch is None
    got = run(imported.file.path, IMAGES)
    ids, probability = case[4](logits(case, IMAGES))
    assert got['class_ids'].shape == IMAGES.shape[:3]
    assert len(np.unique(ids)) > 1
    # Where two classes are level, rounding decides: half precision is coarse.
    differing = (got['class_ids'] != ids).mean()
    assert differing <= (0.02 if 'fp16' in case[0] else 0.002)
    assert ('confidence' in got) == (probability is not None)
    if probability is not None:
        off = np.abs(got['confidence'] - 255 * probability)[got['class_ids'] == ids]
        assert off.max() <= (2 if 'fp16' in case[0] else 0.51)


def test_form(case: Case, tmp_path: Path) -> None:
    file = run_import(case, tmp_path).file
    model = onnx.load(file.path)
    assert model.graph.node[0].op_type == 'Cast'
    assert list(model.graph.node[0].input) == ['image']
    assert sum('image' in node.input for node in model.graph.node) == 1
    assert count_classes(file.path.read_bytes(), 'class_ids') in (None, len(case[3].classes))
    assert file.card.precision == ('fp16' if 'fp16' in case[0] else 'fp32')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['model.onnx', 'network.onnx']


def test_tensorrt_builds(case: Case, tmp_path: Path, build_plan: Callable[[Path], int]) -> None:
    assert build_plan(run_import(case, tmp_path).file.path) > 0


def test_classes_are_counted_where_they_are_compared(tmp_path: Path) -> None:
    for case, count in ((CASES[0], 3), (CASES[10], 12)):
        file = run_import(case, tmp_path / case[0]).file
        assert count_classes(file.path.read_bytes(), 'class_ids') == count


def test_weights_beside_the_network_are_taken_in(tmp_path: Path) -> None:
    """As torch's exporter leaves them; the file that is written stands alone."""
    card = ImportCard(PLAIN, (OutputSpec(Activation.SOFTMAX),), classes((0,), (1,), (2,)))
    whole = write_foreign_network(tmp_path / 'whole.onnx', [THREE])
    split = tmp_path / 'split' / 'network.onnx'
    split.parent.mkdir()
    onnx.save(
        onnx.load(whole), split, save_as_external_data=True, location='w.data', size_threshold=0
    )
    made = [
        import_network(path, card, tmp_path / f'{path.stem}_model.onnx') for path in (whole, split)
    ]
    (split.parent / 'w.data').unlink()
    results = [
        onnxruntime.InferenceSession(m.file.path, providers=['CPUExecutionProvider']).run(
            None, {'image': IMAGES}
        )
        for m in made
    ]
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_nobody_uses_is_left_out(tmp_path: Path) -> None:
    case = next(case for case in CASES if case[0] == 'two heads, one channel')
    imported = run_import(case, tmp_path)
    assert imported.outputs_left_out == ('boxes',)
    graph = onnx.load(imported.file.path).graph
    assert not any('boxes' in node.name or 'boxes_w' in node.input for node in graph.node)
    assert not any('boxes' in tensor.name for tensor in graph.initializer)
