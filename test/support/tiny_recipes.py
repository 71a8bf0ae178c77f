# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A recipe small enough to be run in a test: rendered scenes, 64x48, a few steps."""

from __future__ import annotations

from typing import Any

from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_file import parse_recipe


def scenes(start: int, stop: int, **source: Any) -> dict[str, Any]:
    return {
        'dataset': 'scenes',
        'options': {'seeds': [start, stop], 'width': 64, 'height': 48},
        **source,
    }


def content(**changes: Any) -> dict[str, Any]:
    return {
        'name': 'tiny',
        'architecture': 'fast_scnn',
        'weights': 'none',
        'width': 64,
        'height': 48,
        'batch': 4,
        'epochs': 2,
        'train': [scenes(0, 14)],
        'validation': [scenes(100, 105)],
        **changes,
    }


def tiny_recipe(**changes: Any) -> Recipe:
    return parse_recipe(content(**changes))
