# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Resizing on a torch device agrees with resizing.py, which asks OpenCV."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")

from drivseg_ros.engines.torch_resizing import (  # noqa: E402
    DevicePlacing,
    DeviceRestoring,
    area_weights,
    linear_weights,
    nearest_indices,
)
from drivseg_ros.images.resizing import Placement, place_image, restore_plane  # noqa: E402
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard  # noqa: E402

CPU = torch.device('cpu')
NETWORK = (360, 640)  # height, width


@pytest.fixture(autouse=True, scope='module')
def one_thread() -> Iterator[None]:
    """Small tensors, and a machine that has other work: more threads only wait."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


def placement_of(shape: tuple[int, int], resize: str, network: tuple[int, int]) -> Placement:
    card = ModelCard('m', BDD100K_CLASSES, network[1], network[0], resize=resize)  # type: ignore
    return Placement.of(card, image_width=shape[1], image_height=shape[0])


def compare_placing(
    shape: tuple[int, int], resize: str, turned: bool, network: tuple[int, int] = NETWORK
) -> np.ndarray:
    """By how many grey levels each value differs."""
    image = random_image(*shape)
    placement = placement_of(shape, resize, network)
    wanted = np.zeros((*network, 3), np.uint8)
    place_image(image[..., ::-1] if turned else image, wanted, placement)
    given = torch.zeros(*network, 3, dtype=torch.uint8)
    placing = DevicePlacing(shape, placement, device=CPU, turned=turned)
    placing(torch.from_numpy(image), given)
    return np.abs(wanted.astype(int) - given.numpy())


def shrinks(shape: tuple[int, int]) -> bool:
    return shape[0] >= NETWORK[0] and shape[1] >= NETWORK[1]


# Height and width: whole and broken ratios, one axis only, smaller, larger and mixed.
SHAPES = [
    *((720, 1280), (1080, 1920), (2160, 3840), (375, 1242), (721, 640), (360, 1280), (360, 640)),
    *((359, 641), (200, 320), (37, 53), (300, 1280), (480, 600), (1, 1), (1, 2000)),
]


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize(
    ('resize', 'turned'), [('stretch', False), ('stretch', True), ('letterbox', True)]
)
def test_placing(shape: tuple[int, int], resize: str, turned: bool) -> None:
    """Images that shrink come out the same; OpenCV grows them with weights of 11 bits."""
    difference = compare_placing(shape, resize, turned)
    assert difference.max() <= 1
    share = (difference > 0).mean()
    assert share < (1e-4 if shrinks(shape) else 0.2)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(1, 40))
def test_placing_any_size(height: int, width: int, rows: int, columns: int) -> None:
    assert compare_placing((height, width), 'letterbox', False, (rows, columns)).max() <= 1


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('resize', ['stretch', 'letterbox'])
def test_restoring_is_exact(shape: tuple[int, int], resize: str) -> None:
    placement = placement_of(shape, resize, NETWORK)
    planes = np.random.default_rng(0).integers(0, 256, (2, *NETWORK), np.uint8)
    given = torch.zeros(2, *shape, dtype=torch.uint8)
    DeviceRestoring(shape, placement, device=CPU)(torch.from_numpy(planes), given)
    for plane, result in zip(planes, given, strict=True):
        np.testing.assert_array_equal(result.numpy(), restore_plane(plane, shape, placement))


@pytest.mark.parametrize(('size', 'target'), [(720, 360), (1242, 640), (7, 5), (7, 7), (9, 1)])
def test_area_weights(size: int, target: int) -> None:
    """As a matrix: rows sum to one, columns to the ratio, and each is a box of its own."""
    index, weight = area_weights(size, target)
    matrix = np.zeros((target, size))
    np.add.at(matrix, (np.broadcast_to(np.arange(target), index.shape), index), weight)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(matrix.sum(axis=0), target / size, rtol=1e-5)
    assert (weight >= 0).all()


def test_linear_weights() -> None:
    index, weight = linear_weights(2, 4)
    np.testing.assert_array_equal(index[0], [0, 0, 0, 1])
    values = np.array([0.0, 1.0])
    np.testing.assert_allclose((values[index] * weight).sum(axis=0), [0.0, 0.25, 0.75, 1.0])


def test_nearest_indices() -> None:
    np.testing.assert_array_equal(nearest_indices(3, 6), [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(nearest_indices(6, 3), [1, 3, 5])
