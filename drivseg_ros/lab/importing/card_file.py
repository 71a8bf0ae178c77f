# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Import cards as YAML files, and the ready ones in config/import.

Keys that are not known are refused rather than ignored: a card that says more than is obeyed
would be obeyed wrongly.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from drivseg_ros.base.json_data import from_plain
from drivseg_ros.base.share import share_directory
from drivseg_ros.base.yaml_data import read_yaml
from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.card import ImportCard

_SUFFIXES = ('.yaml', '.yml')
_FRACTIONS = ('scale', 'mean', 'std', 'threshold')
"""The keys whose numbers may be written as fractions."""


def ready_cards() -> dict[str, Path]:
    """The cards that come with this package, by name."""
    folder = share_directory() / 'config' / 'import'
    return {path.stem: path for path in sorted(folder.glob('*.yaml'))}


def find_card(name_or_path: str) -> Path:
    """The file of a card.

    Args:
        name_or_path: a name that `ready_cards` lists, or the path of a YAML file.

    Raises:
        ModelError: if there is none.
    """
    ready = ready_cards()
    path = Path(name_or_path)
    if name_or_path in ready:
        return ready[name_or_path]
    if path.is_file():
        return path
    what = 'no file' if path.suffix in _SUFFIXES or len(path.parts) > 1 else 'no card'
    raise ModelError(
        f'{what} {name_or_path!r}; give the path of a YAML file or one of the ready cards: '
        f'{", ".join(ready)}'
    )


def read_card(path: Path) -> ImportCard:
    """Reads an import card.

    Raises:
        ModelError: if the file is not YAML, lacks something, has unknown keys, or has values that
            are not allowed.
    """
    content = read_yaml(
        path, 'an import card as `drivseg import --show` writes it', error=ModelError
    )
    try:
        return from_plain(
            ImportCard, _numbers(content), 'the import card', only_known=True, error=ModelError
        )
    except ModelError as error:
        raise ModelError(f'{path}: {error}') from None


def _numbers(content: Any, key: Any = None) -> Any:
    """The content with fractions such as 1/255 as the numbers they are."""
    if isinstance(content, dict):
        return {key: _numbers(value, key) for key, value in content.items()}
    if isinstance(content, list):
        return [_numbers(value, key) for value in content]
    if key in _FRACTIONS and isinstance(content, str):
        try:
            # Not by fractions.Fraction: the integer of 1e999999999 takes an hour.
            numerator, _, denominator = content.partition('/')
            number = float(numerator) / float(denominator or 1)
            if not math.isfinite(number):
                raise ValueError(number)
            return number
        except (ValueError, ZeroDivisionError):
            raise ModelError(
                f'the import card has the {key} {content!r}; a number or a fraction such as 1/255 '
                'is needed'
            ) from None
    return content
