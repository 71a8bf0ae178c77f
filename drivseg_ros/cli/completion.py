# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a shell proposes for an argument or an option: names, by what is typed of them."""

from __future__ import annotations

from collections.abc import Iterable


def models(incomplete: str) -> list[str]:
    """Names of models."""
    from drivseg_ros.model.store import model_names

    return _beginning(model_names(), incomplete)


def engines(incomplete: str) -> list[str]:
    """Names of engines."""
    from drivseg_ros.engines import ENGINE_NAMES

    return _beginning(ENGINE_NAMES, incomplete)


def precisions(incomplete: str) -> list[str]:
    """Precisions of engines."""
    from drivseg_ros.model.card import PRECISIONS

    return _beginning(('auto', *PRECISIONS), incomplete)


def dataset_kinds(incomplete: str) -> list[str]:
    """Kinds of data sets."""
    from drivseg_ros.frames.registry import KINDS

    return _beginning(KINDS, incomplete)


def recipes(incomplete: str) -> list[str]:
    """Names of ready recipes."""
    from drivseg_ros.lab.training.recipe_file import ready_recipes

    return _beginning(ready_recipes(), incomplete)


def networks(incomplete: str) -> list[str]:
    """Names of models, and ready recipes as `drivseg compare` takes them."""
    from drivseg_ros.lab.training.recipe_file import ready_recipes

    named = [f'{name}.yaml' for name in ready_recipes()]
    return [*models(incomplete), *_beginning(named, incomplete)]


def import_cards(incomplete: str) -> list[str]:
    """Names of ready import cards."""
    from drivseg_ros.lab.importing.card_file import ready_cards

    return _beginning(ready_cards(), incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
