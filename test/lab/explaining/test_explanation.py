# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Maps over images, and their figures."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.images.resizing import Placement  # noqa: E402
from drivseg_ros.lab.explaining.explanation import HeatMap, effective_cells  # noqa: E402

WHOLE = Placement(0, 0, 64, 48)


def test_over_an_image_it_is_torchs_interpolation() -> None:
    values = np.random.default_rng(0).random((6, 8)).astype(np.float32)
    found = HeatMap('m', values).over(WHOLE, network=(64, 48), shape=(96, 128))
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], (96, 128), mode='bilinear', align_corners=False
    )[0, 0].numpy()
    # OpenCV takes positions in steps of 1/32 of a cell.
    np.testing.assert_allclose(found, wanted, atol=0.04)


def test_what_a_grid_does_not_cover_is_zero() -> None:
    heat = HeatMap('m', np.ones((5, 7), np.float32), covered=(40 / 48, 56 / 64))
    found = heat.over(WHOLE, network=(64, 48), shape=(48, 64))
    wanted = np.zeros((48, 64), np.float32)
    wanted[:40, :56] = 1
    np.testing.assert_array_equal(found, wanted)


def test_the_grey_round_a_letterboxed_image_is_left_out() -> None:
    values = np.zeros((48, 64), np.float32)
    values[8:24] = 1  # the upper half of the image, which lies in rows 8 to 40
    found = HeatMap('m', values).over(Placement(0, 8, 64, 32), network=(64, 48), shape=(100, 200))
    assert (found[2:47] > 0.99).all()
    assert (found[53:] < 0.01).all()


def test_figures() -> None:
    values = np.zeros((4, 8), np.float32)
    values[1, 6] = 3
    values[1, 4] = 1
    figures = HeatMap('m', values, covered=(0.5, 1.0), note='n').describe()
    assert (figures['peak'], figures['sum'], figures['note']) == (3, 4, 'n')
    assert figures['peak_x_y'] == [6.5 / 8, round(1.5 / 4 * 0.5, 4)]
    assert figures['centre_x_y'] == [0.75, round(1.5 / 4 * 0.5, 4)]
    assert json.loads(json.dumps(figures))['values'][1] == [0, 0, 0, 0, 1, 0, 3, 0]
    empty = HeatMap('m', np.zeros((4, 8), np.float32)).describe()
    assert empty['peak_x_y'] is empty['centre_x_y'] is empty['effective_cells'] is None


def test_effective_cells() -> None:
    assert effective_cells(np.eye(1, 9)) == pytest.approx(1)
    assert effective_cells(np.full((3, 4), 0.2)) == pytest.approx(12)


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ModelError, match='direct is not finite'):
        HeatMap('direct', np.array([[1.0, np.nan]], np.float32))
