# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The card: what it refuses, what it says, and that JSON keeps all of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tiny_model import tiny_card

from drivseg_ros.errors import ModelError
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard, ModelClass, Role


def test_json_keeps_everything() -> None:
    card = tiny_card(
        provenance={'figures': {'drivable_iou': 0.8}}, precision='fp16', resize='letterbox'
    )
    assert ModelCard.from_json(card.to_json()) == card


def test_roles() -> None:
    roles = ['direct', 'alternative', 'drivable', 'road', 'none']
    card = tiny_card(classes=tuple(ModelClass(i, r, (i, 0, 0), r) for i, r in enumerate(roles)))
    assert card.drivable_ids == (0, 1, 2)
    assert card.road_ids == (0, 1, 2, 3)
    assert card.classes[3].role is Role.ROAD
    assert card.class_names == tuple(roles)


def test_palette() -> None:
    palette = tiny_card().palette
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    assert tuple(palette[1]) == BDD100K_CLASSES[1].color
    assert not palette[3:].any()


@pytest.mark.parametrize(
    ('make', 'expected'),
    [
        (lambda: ModelClass(-1, 'a', (0, 0, 0)), 'class id -1'),
        (lambda: ModelClass(255, 'a', (0, 0, 0)), '255 means unlabelled'),
        (lambda: ModelClass(True, 'a', (0, 0, 0)), 'class id True'),
        (lambda: ModelClass(0, ' ', (0, 0, 0)), 'non-empty'),
        (lambda: ModelClass(0, 'a', (0, 0)), 'color'),
        (lambda: ModelClass(0, 'a', (0, 0, 256)), '256'),
        (lambda: ModelClass(0, 'a', (0, 0, 0), 'lane'), "role 'lane'; allowed are direct"),
        (lambda: tiny_card(name=''), 'non-empty'),
        (lambda: tiny_card(classes=()), '0 classes'),
        (lambda: tiny_card(classes=BDD100K_CLASSES[1:]), r'class ids \[1, 2\]'),
        (
            lambda: tiny_card(classes=(ModelClass(0, 'a', (0,) * 3), ModelClass(1, 'a', (0,) * 3))),
            'once only',
        ),
        (lambda: tiny_card(width=0), 'input width 0'),
        (lambda: tiny_card(height=64.0), r'input height 64\.0'),
        (lambda: tiny_card(precision='float'), "'float'; allowed are fp32"),
        (lambda: tiny_card(resize='crop'), "resize 'crop'; allowed are stretch, letterbox"),
        (lambda: tiny_card(license=None), 'license None; give a text'),
        (lambda: tiny_card(architecture=['x']), r"architecture \['x'\]; give a text"),
        (lambda: tiny_card(provenance=3), 'provenance 3; give an object'),
    ],
)
def test_refusals(make: Callable[[], object], expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        make()


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        (lambda c: c.pop('name'), r"lacks the keys \['name'\]"),
        (lambda c: c.update(lanes=3), r"unknown keys \['lanes'\]"),
        (lambda c: c['classes'][0].pop('color'), r"a class of the card lacks the keys \['color'\]"),
        (lambda c: c.update(classes='all'), 'must be a list of objects'),
        (lambda c: c['classes'][0].update(color='red'), r"color 'red'; give \[red, green, blue\]"),
        (lambda c: c['classes'][0].update(color=7), r'color 7; give \[red, green, blue\]'),
        (lambda c: c['classes'].append(7), 'a class of the card is 7; it must be a JSON object'),
    ],
)
def test_json_refusals(change: Callable[[dict[str, Any]], object], expected: str) -> None:
    content = json.loads(tiny_card().to_json())
    change(content)
    with pytest.raises(ModelError, match=expected):
        ModelCard.from_json(json.dumps(content))


@pytest.mark.parametrize('text', ['', '{', '[' * 100_000, '{"name": NaN'])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ModelError, match='the card is n'):
        ModelCard.from_json(text)


def test_optional_keys_may_be_left_out() -> None:
    content = json.loads(tiny_card().to_json())
    kept = {key: content[key] for key in ('name', 'classes', 'input_width', 'input_height')}
    card = ModelCard.from_json(json.dumps(kept))
    assert card == dataclasses.replace(tiny_card(), architecture='')
