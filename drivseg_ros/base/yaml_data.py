# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""YAML from outside as plain data, as JSON has them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from drivseg_ros.base.text_file import read_text
from drivseg_ros.errors import DataError, DrivsegError

MAX_BYTES = 2**20
"""Files that people write are smaller."""
_MAX_VALUES = 200_000
# What takes the parser long, by the square of its number: open brackets, mappings put into others.
_MAX_DEPTH = 200
_MAX_MERGES = 200
_BRACKETS = re.compile(r'[\[\]{}]')
_MAX_INTEGER = 2**63
_LONGEST = 100


def read_yaml(path: Path, what: str, *, error: type[DrivsegError] = DataError) -> Any:
    """Plain data from a file.

    Args:
        path: the file.
        what: what it should be, for the error: 'a label map'.
        error: the kind of error.

    Raises:
        DataError: or the error asked for, if it cannot be read, is too large, is not YAML, or holds
            more than numbers, texts, lists and mappings.
    """
    text = read_text(path, what, max_bytes=MAX_BYTES, error=error)
    return parse_yaml(text, f'{path} ({what})', error=error)


def parse_yaml(text: str, what: str, *, error: type[DrivsegError] = DataError) -> Any:
    """Plain data from a text; what an alias stands for is a copy, which may be changed alone.

    Args:
        text: the YAML.
        what: what it is, for the error.
        error: the kind of error.

    Raises:
        DataError: or the error asked for, if it is not YAML, or holds something else.
    """
    try:
        loaded = load_yaml(text)
    except ValueError as refusal:
        raise error(f'{what} {refusal}') from None
    return _Copier(what, error).copy(loaded, ())


def load_yaml(text: str, *, typ: str = 'safe') -> Any:
    """What a text of YAML stands for; what an alias stands for is there once.

    Args:
        text: the YAML.
        typ: ruamel's; 'base' makes texts of all scalars.

    Raises:
        ValueError: if it is not YAML, or made to take long; the text goes on a sentence about it.
    """
    if not is_tame(text):
        raise ValueError('is nested too deeply, or merges too often (<<); write it again')
    try:
        return YAML(typ=typ, pure=True).load(text)
    except YAMLError as refusal:
        raise ValueError(f'cannot be read as YAML: {yaml_reason(refusal)}; correct it') from None
    except RecursionError:
        raise ValueError('is nested too deeply; write it again') from None
    except Exception as refusal:  # of values that are none, such as an integer of 5000 digits
        reason = ' '.join(str(refusal).split())[:_LONGEST]
        raise ValueError(f'cannot be read as YAML: {reason}; correct it') from None


def is_tame(text: str) -> bool:
    """Whether a text of YAML has no more brackets open, and merges, than anybody writes."""
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth = depth + 1 if bracket[0] in '[{' else max(0, depth - 1)
        if depth > _MAX_DEPTH:
            return False
    return text.count('<<') <= _MAX_MERGES


def yaml_reason(error: Exception) -> str:
    """What is wrong and in which line, if the parser says so."""
    if isinstance(error, MarkedYAMLError) and error.problem and error.problem_mark:
        reasons = ', '.join(text for text in (error.context, error.problem) if text)
        return f'{reasons}, in line {error.problem_mark.line + 1}'
    return ' '.join(str(error).split())


class _Copier:
    """Copies data in which aliases may stand for the same part again and again."""

    def __init__(self, what: str, error: type[DrivsegError]) -> None:
        self._what = what
        self._error = error
        self._left = _MAX_VALUES

    def copy(self, value: Any, above: tuple[int, ...]) -> Any:
        self._left -= 1
        if self._left < 0:
            raise self._error(
                f'{self._what} has more than {_MAX_VALUES} values; shorten it, or use fewer aliases'
            )
        if id(value) in above:
            raise self._error(
                f'{self._what} has an alias for the very part that it lies in; write it out'
            )
        inside = (*above, id(value))
        if isinstance(value, Mapping):
            return {self._plain(key): self.copy(v, inside) for key, v in value.items()}
        if isinstance(value, list):
            return [self.copy(v, inside) for v in value]
        return self._plain(value)

    def _plain(self, value: Any) -> Any:
        if value is not None and not isinstance(value, (bool, int, float, str)):
            kind = type(value).__name__
            # Of a tuple of aliases, a text would be gigabytes.
            isolated = isinstance(value, bytes) or not isinstance(value, Collection)
            shown = f'{str(value)[:_LONGEST]!r}, which YAML takes for a {kind}'
            raise self._error(
                f'{self._what} holds {shown if isolated else f"a {kind}"}; put it in quotes if it '
                'is a text'
            )
        if isinstance(value, int) and abs(value) > _MAX_INTEGER:
            raise self._error(
                f'{self._what} holds an integer of more than 64 bits; put it in quotes if it is a '
                'text'
            )
        return value
