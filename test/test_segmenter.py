# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The Segmenter gives what its network says, at each image's own size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from tiny_model import write_tiny_model

from drivseg_ros.errors import EngineError, ModelError
from drivseg_ros.model.card import BDD100K_CLASSES
from drivseg_ros.model.segmentation import Segmentation, Timings
from drivseg_ros.segmenter import Segmenter

TIMINGS = Timings(prepare_ms=0, infer_ms=0, restore_ms=0, batch_size=1)


def random_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_at_the_networks_own_size(tiny_model: Path) -> None:
    image = random_image(48, 64)
    with Segmenter.open(tiny_model) as segmenter:
        result = segmenter.segment([image], confidence=True)[0]
    np.testing.assert_array_equal(result.class_ids, image.argmax(-1))
    np.testing.assert_array_equal(result.confidence, image.max(-1))
    np.testing.assert_array_equal(result.drivable, image.argmax(-1) < 2)
    assert result.card.name == 'tiny'


@pytest.mark.parametrize('factor', [2, 3])
def test_halves_and_quarters_are_exact(tiny_model: Path, factor: int) -> None:
    """Blocks of one colour survive shrinking and come back where they were."""
    small = np.eye(3, dtype=np.uint8)[np.random.default_rng(1).integers(0, 3, (48, 64))] * 255
    image = small.repeat(factor, 0).repeat(factor, 1)
    with Segmenter.open(tiny_model) as segmenter:
        result = segmenter.segment([image])[0]
    np.testing.assert_array_equal(result.class_ids, image.argmax(-1))
    assert result.confidence is None


def test_mask_sits_where_the_colour_sits(tiny_model: Path) -> None:
    """An odd size: the border between two colours moves by less than one network pixel."""
    image = np.zeros((375, 1242, 3), np.uint8)
    image[..., 0] = 255
    image[:, 500:] = (0, 255, 0)
    with Segmenter.open(tiny_model) as segmenter:
        mask = segmenter.segment([image])[0].class_ids
    assert mask.shape == (375, 1242)
    assert abs(int((mask[100] == 0).sum()) - 500) <= 1242 / 64


@pytest.mark.parametrize('batch', [None, 1, 2, 4])
def test_batches_of_mixed_sizes(tmp_path: Path, batch: int | None) -> None:
    model = write_tiny_model(tmp_path / 'm.onnx', batch=batch)
    images = [random_image(48 + 10 * i, 64 + 7 * i, seed=i) for i in range(3)]
    with Segmenter.open(model) as segmenter:
        together = segmenter.segment(images)
        alone = [segmenter.segment([image])[0] for image in images]
        assert segmenter.segment([]) == []
    for image, a, b in zip(images, together, alone, strict=True):
        assert a.class_ids.shape == image.shape[:2]
        np.testing.assert_array_equal(a.class_ids, b.class_ids)
    assert together[0].timings.batch_size == min(batch or 3, 3)


def test_results_stay_what_they_were(tiny_model: Path) -> None:
    """No buffer of the next call shows through an earlier result."""
    with Segmenter.open(tiny_model) as segmenter:
        first = segmenter.segment([random_image(48, 64)], confidence=True)[0]
        before = first.class_ids.copy()
        segmenter.segment([random_image(48, 64, seed=9)], confidence=True)
    np.testing.assert_array_equal(first.class_ids, before)


@pytest.mark.parametrize('size', [(48, 64), (96, 128), (100, 90), (30, 40)])
def test_strides_do_not_matter(tiny_model: Path, size: tuple[int, int]) -> None:
    image = random_image(*size)
    padded = np.zeros((size[0], size[1] + 5, 3), np.uint8)
    padded[:, : size[1]] = image
    turned = np.ascontiguousarray(image[..., ::-1])[..., ::-1]
    read_only = image.copy()
    read_only.flags.writeable = False
    with Segmenter.open(tiny_model) as segmenter:
        expected = segmenter.segment([image])[0].class_ids
        for same in (padded[:, : size[1]], turned, read_only):
            np.testing.assert_array_equal(same, image)
            np.testing.assert_array_equal(segmenter.segment([same])[0].class_ids, expected)


def test_resizing_is_opencvs_area_average(tiny_model: Path) -> None:
    image = random_image(96, 128)
    small = cv2.resize(image, (64, 48), interpolation=cv2.INTER_AREA)
    with Segmenter.open(tiny_model) as segmenter:
        mask = segmenter.segment([image])[0].class_ids
    np.testing.assert_array_equal(mask[::2, ::2], small.argmax(-1))


@pytest.mark.parametrize(
    'image',
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_wrong_images(tiny_model: Path, image: np.ndarray) -> None:
    with Segmenter.open(tiny_model) as segmenter, pytest.raises(ValueError, match='must be uint8'):
        segmenter.segment([image])


def test_unknown_model() -> None:
    with pytest.raises(ModelError, match="no model is called 'nothing'"):
        Segmenter.open('nothing')


def test_ids_beyond_the_card_are_refused(tmp_path: Path) -> None:
    """Where the file does not show the number of classes, the first wrong id does."""
    path = write_tiny_model(tmp_path / 'm.onnx', classes=BDD100K_CLASSES[:2])
    model = onnx.load(path)
    del model.graph.value_info[:]
    onnx.save(model, path)
    blue = np.zeros((48, 64, 3), np.uint8)
    blue[..., 2] = 255
    with Segmenter.open(path) as segmenter:
        segmenter.warm_up(batch_sizes=(1, 2))
        with pytest.raises(EngineError, match='gave the class id 2, but its card names'):
            segmenter.segment([blue])


@pytest.mark.parametrize('name', ['class_ids', 'confidence'])
def test_results_of_another_size_are_refused(tmp_path: Path, name: str) -> None:
    """Where the file leaves the size of an output open, the first wrong one shows it."""
    path = write_tiny_model(tmp_path / 'm.onnx')
    model = onnx.load(path)
    graph = model.graph
    for node in graph.node:
        node.output[:] = ['whole' if output == name else output for output in node.output]
    for key, value in (('start', [0]), ('axis', [1])):
        graph.initializer.append(numpy_helper.from_array(np.array(value), key))
    # As many rows as the brightest value says, which no look at the graph can know.
    graph.node.extend(
        [
            helper.make_node('ReduceMax', ['cast'], ['brightest'], keepdims=0),
            helper.make_node('Cast', ['brightest'], ['number'], to=onnx.TensorProto.INT64),
            helper.make_node('Reshape', ['number', 'axis'], ['rows']),
            helper.make_node('Slice', ['whole', 'start', 'rows', 'axis'], [name]),
        ]
    )
    (output,) = (value for value in graph.output if value.name == name)
    output.type.tensor_type.shape.dim[1].dim_param = 'H'
    onnx.save(model, path)
    image = np.full((48, 64, 3), 24, np.uint8)
    expected = rf'onnxruntime gave {name} .* as uint8 \[1, 24, 64\]; by the card .* \[1, 48, 64\]'
    refused = pytest.raises(EngineError, match=expected)
    with Segmenter.open(path, engine='onnxruntime', device='cpu') as segmenter, refused:
        segmenter.segment([image], confidence=True)


def test_an_engine_that_resizes_is_checked_too(tiny_model: Path) -> None:
    with Segmenter.open(tiny_model) as segmenter:

        class Resizing:
            """The engine, and masks that are a row too high."""

            name, model = segmenter.engine.name, segmenter.engine.model
            close = infer = segmenter.engine.close

            def segment(self, images: list[np.ndarray], *, confidence: bool) -> list[tuple]:
                return [(np.zeros((len(i) + 1, i.shape[1]), np.uint8), None) for i in images]

        segmenter.engine = Resizing()  # type: ignore[assignment]
        with pytest.raises(EngineError, match=r'gave class_ids .* as uint8 \[49, 64\]; by the'):
            segmenter.segment([random_image(48, 64)])


@pytest.mark.parametrize(
    ('class_ids', 'confidence', 'expected'),
    [
        (np.zeros((2, 2), np.int64), None, 'class_ids is int64'),
        (np.zeros((2, 2, 1), np.uint8), None, r'shape \(2, 2, 1\)'),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.float32), 'confidence is float32'),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), r'class_ids, \(2, 2\)'),
    ],
)
def test_segmentation_is_validated(
    tiny_model: Path, class_ids: np.ndarray, confidence: np.ndarray | None, expected: str
) -> None:
    with Segmenter.open(tiny_model) as segmenter, pytest.raises(ValueError, match=expected):
        Segmentation(
            class_ids=class_ids, confidence=confidence, card=segmenter.card, timings=TIMINGS
        )


def test_smoothing_is_of_the_planes_that_the_engine_gives(tiny_model: Path) -> None:
    seen = []

    def smooth(class_ids: np.ndarray, confidence: np.ndarray | None) -> np.ndarray:
        seen.append((class_ids.shape, None if confidence is None else confidence.shape))
        return np.full_like(class_ids, 2)

    def same(class_ids: np.ndarray, confidence: np.ndarray | None) -> np.ndarray:
        return class_ids

    images = [np.full((50, 90, 3), (200, 10, 10), np.uint8)] * 2
    with Segmenter.open(tiny_model) as segmenter:
        first, second = segmenter.segment(images, confidence=True, smooth=[smooth, same])
    assert (first.class_ids == 2).all()
    assert (second.class_ids == 0).all()
    assert seen == [((48, 64), (48, 64))]
