# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""YAML from outside as plain data, as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from drivseg_ros.base.text_file import read_text
from drivseg_ros.errors import DataError, DrivsegError

MAX_BYTES = 2**20
"""Files that people write are smaller."""
_MAX_VALUES = 200_000


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
        loaded = YAML(typ='safe', pure=True).load(text)
        return _Copier(what, error).copy(loaded, ())
    except YAMLError as refusal:
        raise error(f'{what} cannot be read as YAML: {yaml_reason(refusal)}; correct it') from None
    except RecursionError:
        raise error(f'{what} is nested too deeply; write it again') from None


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
            raise self._error(
                f'{self._what} holds {str(value)!r}, which YAML takes for a '
                f'{type(value).__name__}; put it in quotes if it is a text'
            )
        return value
