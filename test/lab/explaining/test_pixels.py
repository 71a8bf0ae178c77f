# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pixels of the image in the network's input, and in coarser grids."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")

from drivseg_ros.errors import ParameterError
from drivseg_ros.images.resizing import Placement
from drivseg_ros.lab.explaining.pixels import Spot, centre_bottom, grid_weights

# An image of 200x100 in an input of 64x48: letterboxed to 64x32, 8 rows of grey above and below.
LETTERBOXED = Placement(left=0, top=8, width=64, height=32)
STRETCHED = Placement(left=0, top=0, width=64, height=48)


def mask_of(spot: Spot, placement: Placement) -> np.ndarray:
    return spot.mask(image_width=200, image_height=100, placement=placement, width=64, height=48)


@pytest.mark.parametrize(
    ('spot', 'placement', 'rows', 'columns'),
    [
        (Spot(points=((0, 0),)), STRETCHED, (0, 1), (0, 1)),
        (Spot(points=((199, 99),)), STRETCHED, (47, 48), (63, 64)),
        (Spot(points=((199, 99),)), LETTERBOXED, (39, 40), (63, 64)),
        (Spot(region=(0, 0, 200, 100)), STRETCHED, (0, 48), (0, 64)),
        (Spot(region=(0, 0, 200, 100)), LETTERBOXED, (8, 40), (0, 64)),
        (Spot(region=(100, 50, 100, 50)), LETTERBOXED, (24, 40), (32, 64)),
        (Spot(region=(3, 3, 1, 97)), STRETCHED, (1, 48), (1, 2)),
    ],
)
def test_where_pixels_lie(
    spot: Spot, placement: Placement, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    wanted = np.zeros((48, 64), bool)
    wanted[slice(*rows), slice(*columns)] = True
    np.testing.assert_array_equal(mask_of(spot, placement), wanted)


@pytest.mark.parametrize('x', range(0, 200, 7))
def test_the_nearest_pixel_is_found(x: int) -> None:
    mask = mask_of(Spot(points=((x, 50),)), STRETCHED)
    centres = (np.arange(64) + 0.5) * 200 / 64
    found = centres[mask.any(0)]
    assert np.abs(found - (x + 0.5)).min() <= np.abs(centres - (x + 0.5)).min() + 1e-9


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({}, 'neither points'),
        ({'points': ((1, 1),), 'region': (0, 0, 1, 1)}, 'give one of the two'),
        ({'region': (0, 0, 0, 5)}, 'is empty'),
        ({'points': ((200, 0),)}, r'200,0 is outside of the image, which is 200x100'),
        ({'points': ((0, -1),)}, 'outside'),
        ({'region': (150, 0, 51, 5)}, 'outside'),
    ],
)
def test_refusals(arguments: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        mask_of(Spot(**arguments), STRETCHED)


def test_the_road_before_the_car_is_in_the_image() -> None:
    assert centre_bottom(image_width=1280, image_height=720) == Spot(points=((640, 648),))
    assert centre_bottom(image_width=1, image_height=1) == Spot(points=((0, 0),))


@pytest.mark.parametrize(('rows', 'columns'), [(48, 64), (12, 16), (5, 7), (1, 1)])
def test_weights_are_the_shares_of_the_cells(rows: int, columns: int) -> None:
    mask = np.random.default_rng(1).random((48, 64)) < 0.1
    wanted = np.zeros((rows, columns))
    for y, x in zip(*mask.nonzero(), strict=True):
        wanted[int((y + 0.5) / 48 * rows), int((x + 0.5) / 64 * columns)] += 1 / mask.sum()
    np.testing.assert_allclose(grid_weights(mask, rows=rows, columns=columns), wanted, atol=1e-12)
