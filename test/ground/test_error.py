# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The error of distances, against the camera itself with a wrong pitch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from ground_cameras import camera

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.error import error_by_ring, range_error


def test_rings() -> None:
    """At 1.5 m and 1 degree, 10 and 20 m: (d^2 + h^2) / h times the angle is 1.19 and 4.68 m."""
    found = error_by_ring(height_m=1.5, pitch_error_deg=1.0, rings_m=(10, 20, 100))
    assert found[10.0] == pytest.approx(1.35, abs=0.01)
    assert found[20.0] == pytest.approx(6.10, abs=0.01)
    assert found[100.0] == np.inf


@pytest.mark.parametrize('height', [0.4, 1.2, 2.5])
@pytest.mark.parametrize('wrong', [0.2, 0.5, 1.0])
def test_a_camera_with_a_wrong_pitch_errs_by_that(height: float, wrong: float) -> None:
    right, off = (camera(height_m=height, pitch_deg=5 + by) for by in (0, -wrong))
    points = np.stack([np.linspace(6, 12, 9), np.zeros(9)], axis=1)
    found = off.ground(right.pixels(points))[:, 0] - points[:, 0]
    expected = range_error(points[:, 0], height_m=height, pitch_error_deg=wrong)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize('given', [{'height_m': 0.0}, {'height_m': 1.0, 'pitch_error_deg': 0.0}])
def test_refused(given: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=r'above 0'):
        error_by_ring(**given)


DOCS = Path(__file__).resolve().parents[2] / 'docs' / 'ground.md'


@pytest.mark.skipif(not DOCS.is_file(), reason='the tests run without a checkout')
def test_the_documented_errors() -> None:
    rings = list(error_by_ring(height_m=1.0))
    lines = ['| height |' + ''.join(f' {ring:g} m |' for ring in rings), '|---' * 7 + '|']
    for height in (1.2, 1.5, 2.0, 2.5):
        errors = error_by_ring(height_m=height).values()
        lines.append(f'| {height:.1f} m |' + ''.join(f' {one:.2f} |' for one in errors))
    shown = re.search(r'<!-- error by ring -->\n(.*?)\n<!--', DOCS.read_text(), re.DOTALL)
    assert shown
    assert shown[1] == '\n'.join(lines)
