# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lenses against OpenCV, there and back, and what no lens does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from ground_cameras import LENSES
from hypothesis import given
from hypothesis import strategies as st

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.lens import Brown, make_lens


def directions(widest: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    angle, turn = rng.uniform(0, widest, 2000), rng.uniform(-np.pi, np.pi, 2000)
    return np.stack(
        [np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle)], axis=1
    )


@pytest.mark.parametrize('name', LENSES)
def test_as_opencv_distorts(name: str) -> None:
    model, d = LENSES[name]
    rays = directions(np.radians(40))
    project = cv2.fisheye.projectPoints if model == 'equidistant' else cv2.projectPoints
    still, eye = np.zeros(3), np.eye(3)
    if model == 'equidistant':
        expected, _ = project(rays[:, None], still, still, eye, np.array(d))
    else:
        expected, _ = project(rays, still, still, eye, np.array(d))
    found = make_lens(model, d).distort(rays)
    np.testing.assert_allclose(found, expected[:, 0], atol=1e-9)


@pytest.mark.parametrize('name', LENSES)
def test_there_and_back(name: str) -> None:
    lens = make_lens(*LENSES[name])
    rays = directions(np.radians(100))
    seen = lens.distort(rays)
    good = ~np.isnan(seen).any(axis=1)
    assert good[rays[:, 2] > np.cos(np.radians(38))].all()
    back = lens.undistort(seen[good])
    assert not np.isnan(back).any()
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    np.testing.assert_allclose(back, rays[good], atol=1e-5)


def test_nothing_is_seen_behind_a_camera_or_where_its_lens_folds_back() -> None:
    barrel = Brown(k1=-0.4)
    # x (1 - 0.4 x^2) grows up to x = 0.91 only; 1.4 would be seen where 0.28 is.
    outside = np.array([[1.4, 0, 1], [-0.95, 0, 1], [0.1, 0.1, -1], [1, 0, 0], [0, 0, 0]])
    assert np.isnan(barrel.distort(outside)).all()
    assert not np.isnan(barrel.distort(np.array([[0.85, 0.0, 1.0]]))).any()
    assert np.isnan(barrel.undistort(np.array([[0.7, 0.0]]))).all()


def test_a_fisheye_sees_beside_itself() -> None:
    lens = make_lens('equidistant', (0.0,) * 4)
    found = lens.distort(np.array([[1.0, 0.0, -0.1], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]))
    np.testing.assert_allclose(found[:2], [[np.pi / 2 + np.arctan(0.1), 0], [0, 0]], atol=1e-12)
    assert np.isnan(found[2]).all()


@pytest.mark.parametrize('model', ['', 'plumb_bob', 'rational_polynomial'])
@pytest.mark.parametrize('d', [(), (0.0,) * 5, (0.0,) * 8])
def test_no_distortion_in_all_its_forms(model: str, d: tuple[float, ...]) -> None:
    assert make_lens(model, d) == Brown()


@pytest.mark.parametrize(
    ('model', 'd', 'said'),
    [
        ('thin_prism', (0.1,) * 5, "'thin_prism' is not known; plumb_bob, rational_polynomial"),
        ('thin_prism', (), "'thin_prism' is not known"),
        ('', (0.1,) * 5, "'' is not known"),
        ('plumb_bob', (0.1,) * 8, '8 distortion coefficients were given with plumb_bob'),
        ('rational_polynomial', (0.1,) * 14, 'which has 5 or 8'),
        ('equidistant', (0.1,) * 5, 'which has 4'),
        ('plumb_bob', (float('nan'),) * 5, 'not all finite'),
        ('rational_polynomial', (-1e9, 0, 0, 0, 0, 1e9, 0, 0), 'fold the image back'),
        ('equidistant', (-1e9, 0, 0, 0), 'fold the image back'),
    ],
)
def test_refused(model: str, d: tuple[float, ...], said: str) -> None:
    with pytest.raises(ParameterError, match=r'.') as error:
        make_lens(model, d)
    assert said in str(error.value)


@given(
    st.sampled_from(('plumb_bob', 'rational_polynomial', 'equidistant')),
    st.lists(st.floats(-3, 3), min_size=8, max_size=8),
)
def test_what_is_inverted_is_right_for_any_coefficients(model: str, d: list[float]) -> None:
    count = {'plumb_bob': 5, 'rational_polynomial': 8, 'equidistant': 4}[model]
    # Tangential terms of real lenses are small.
    values = [v / 100 if model != 'equidistant' and i in (2, 3) else v for i, v in enumerate(d)]
    try:
        lens = make_lens(model, values[:count])
    except ParameterError:
        return
    seen = lens.distort(directions(np.radians(100)))
    good = ~np.isnan(seen).any(axis=1)
    back = lens.undistort(seen[good])
    found = ~np.isnan(back).any(axis=1)
    np.testing.assert_allclose(lens.distort(back[found]), seen[good][found], atol=1e-6)
