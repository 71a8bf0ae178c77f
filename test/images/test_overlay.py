# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Colours and blending against floating-point arithmetic, pixel by pixel."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import tiny_card

from drivseg_ros.errors import ImageError, ParameterError
from drivseg_ros.images.overlay import color_mask, draw_overlay
from drivseg_ros.model.card import UNLABELLED, ModelCard, ModelClass, Role
from drivseg_ros.model.segmentation import Segmentation, Timings

CLASSES = (
    ModelClass(0, 'sky', (70, 130, 180), Role.NONE),
    ModelClass(1, 'ego', (46, 204, 113), Role.DIRECT),
    ModelClass(2, 'next', (52, 152, 219), Role.ALTERNATIVE),
    ModelClass(3, 'free', (255, 255, 0), Role.DRIVABLE),
    ModelClass(4, 'oncoming', (0, 0, 0), Role.ROAD),
    ModelClass(5, 'car', (255, 0, 0), Role.NONE),
)
CARD = tiny_card(classes=CLASSES)
COLORS = {c.id: c.color for c in CLASSES}
WITH_ROLE = {1, 2, 3, 4}


def segmentation(class_ids: np.ndarray, card: ModelCard = CARD) -> Segmentation:
    return Segmentation(
        class_ids=class_ids,
        confidence=None,
        card=card,
        timings=Timings(prepare_ms=0, infer_ms=0, restore_ms=0, batch_size=1),
    )


def random_case(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """An image and class ids, among them unlabelled ones and such that the card does not know."""
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    ids = random.choice([0, 1, 2, 3, 4, 5, 77, UNLABELLED], (height, width)).astype(np.uint8)
    return image, ids


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 999))
def test_the_mask_has_the_colours_of_the_card(height: int, width: int, seed: int) -> None:
    _, ids = random_case(height, width, seed)
    colors = color_mask(ids, CARD)
    assert colors.dtype == np.uint8
    assert colors.tolist() == [[list(COLORS.get(int(i), (0, 0, 0))) for i in row] for row in ids]


def test_the_mask_takes_strided_ids() -> None:
    _, ids = random_case(20, 30)
    assert np.array_equal(color_mask(ids[::2, ::-3], CARD), color_mask(ids, CARD)[::2, ::-3])


@pytest.mark.parametrize(
    ('ids', 'text'),
    [
        (np.zeros((2, 3), np.int64), r'int64 of shape \(2, 3\); uint8 \[H, W\]'),
        (np.zeros((2, 3, 1), np.uint8), r'uint8 of shape \(2, 3, 1\)'),
        (np.zeros((0, 3), np.uint8), 'not empty, is allowed'),
    ],
)
def test_other_ids_have_no_colours(ids: np.ndarray, text: str) -> None:
    with pytest.raises(ImageError, match=text) as caught:
        color_mask(ids, CARD)
    assert caught.value.kind == 'array'


@settings(max_examples=100, deadline=None)
@given(
    height=st.integers(1, 30),
    width=st.integers(1, 70),
    alpha=st.one_of(st.sampled_from([0.0, 0.5, 1.0, 1 / 3]), st.floats(0, 1)),
    seed=st.integers(0, 999),
)
def test_blends_as_stated_where_a_class_has_a_role(
    height: int, width: int, alpha: float, seed: int
) -> None:
    image, ids = random_case(height, width, seed)
    before = image.copy()
    overlay = draw_overlay(image, segmentation(ids), alpha=alpha)
    weight = round(256 * alpha)
    for y in range(height):
        for x in range(width):
            if int(ids[y, x]) in WITH_ROLE:
                pairs = zip(image[y, x].tolist(), COLORS[int(ids[y, x])], strict=True)
                expected = [round(Fraction(v * (256 - weight) + c * weight, 256)) for v, c in pairs]
                assert overlay[y, x].tolist() == expected
                # The weight is that of alpha to 1/512.
                pairs = zip(expected, image[y, x].tolist(), COLORS[int(ids[y, x])], strict=True)
                assert all(abs(o - (v * (1 - alpha) + c * alpha)) <= 1 for o, v, c in pairs)
            else:
                assert overlay[y, x].tolist() == image[y, x].tolist()
    assert np.array_equal(image, before)
    assert not np.shares_memory(overlay, image)


@pytest.mark.parametrize(('width', 'height'), [(1280, 720), (641, 361), (16384, 9), (3, 16384)])
def test_large_images_are_blended_to_their_last_row(width: int, height: int) -> None:
    image, ids = random_case(height, width)
    palette = np.array([COLORS.get(i, (0, 0, 0)) for i in range(256)])
    colors = palette[ids]
    assert np.array_equal(color_mask(ids, CARD), colors)
    blended = np.rint((image.astype(int) * (256 - 77) + colors * 77) / 256)
    has_role = np.isin(ids, list(WITH_ROLE))[..., None]
    overlay = draw_overlay(image, segmentation(ids), alpha=0.3)
    assert np.array_equal(overlay, np.where(has_role, blended, image))


def test_alpha_0_gives_the_image_and_1_the_colours() -> None:
    image, ids = random_case(30, 50)
    assert np.array_equal(draw_overlay(image, segmentation(ids), alpha=0), image)
    pure = draw_overlay(image, segmentation(ids), alpha=1)
    has_role = np.isin(ids, list(WITH_ROLE))
    assert np.array_equal(pure[has_role], color_mask(ids, CARD)[has_role])
    assert np.array_equal(pure[~has_role], image[~has_role])


@pytest.mark.parametrize('view', ['turned', 'cut', 'padded', 'mirrored', 'upright', 'frozen'])
def test_takes_any_strides(view: str) -> None:
    image, ids = random_case(30, 50)
    same = {
        'turned': np.ascontiguousarray(image[..., ::-1])[..., ::-1],
        'cut': np.pad(image, ((3, 2), (5, 1), (0, 0)))[3:-2, 5:-1],
        'padded': np.lib.stride_tricks.as_strided(
            np.pad(image.reshape(30, 150), ((0, 0), (0, 7))), image.shape, (157, 3, 1)
        ),
        'mirrored': np.ascontiguousarray(image[::-1, ::-1])[::-1, ::-1],
        'upright': np.asfortranarray(image),
        'frozen': image.copy(),
    }[view]
    if view == 'frozen':
        same.flags.writeable = False
    assert np.array_equal(same, image)
    overlay = draw_overlay(same, segmentation(ids), alpha=0.4)
    assert np.array_equal(overlay, draw_overlay(image, segmentation(ids), alpha=0.4))
    assert np.array_equal(same, image)
    assert overlay.flags.c_contiguous
    assert overlay.flags.writeable


def test_a_card_without_roles_changes_nothing() -> None:
    image, ids = random_case(8, 8)
    card = tiny_card(classes=(ModelClass(0, 'a', (1, 2, 3)), ModelClass(1, 'b', (4, 5, 6))))
    assert np.array_equal(draw_overlay(image, segmentation(ids, card), alpha=1), image)


IMAGE, IDS = random_case(4, 6)


@pytest.mark.parametrize(
    ('image', 'alpha', 'error', 'text'),
    [
        (IMAGE, -0.01, ParameterError, r'alpha -0\.01 is not allowed; give 0 to 1'),
        (IMAGE, 1.01, ParameterError, r'alpha 1\.01'),
        (IMAGE, float('nan'), ParameterError, 'alpha nan'),
        (IMAGE[:3], 0.5, ImageError, '6 x 3 pixels with a segmentation of 6 x 4; the same size'),
        (IMAGE[:, :5], 0.5, ImageError, '5 x 4 pixels with a segmentation of 6 x 4'),
        (IMAGE[..., 0], 0.5, ImageError, r'uint8 of shape \(4, 6\); uint8 \[H, W, 3\]'),
        (IMAGE.astype(np.float32), 0.5, ImageError, 'given as float32'),
    ],
)
def test_what_does_not_fit_is_refused(
    image: np.ndarray, alpha: float, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        draw_overlay(image, segmentation(IDS), alpha=alpha)
