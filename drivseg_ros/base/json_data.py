# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Dataclasses as plain data, which JSON can hold, and back: the one way that this package has."""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, TypeVar

from drivseg_ros.base.library import import_library
from drivseg_ros.base.text_file import read_text
from drivseg_ros.errors import DataError, DrivsegError

MAX_BYTES = 256 * 2**20
"""Files from outside that are larger are not read."""
_LONGEST = 100
_WORDS = {
    'array': 'a list',
    'bool': 'true or false',
    'float': 'a number',
    'int': 'an integer',
    'null': 'nothing',
    'object': 'a mapping',
    'str': 'a text',
}

T = TypeVar('T')


def to_plain(value: Any) -> Any:
    """A value as dicts (with texts as keys), lists, texts, numbers and None.

    Args:
        value: dataclasses, enumerations, paths, bytes (as Base64), arrays and numbers of numpy,
            mappings and sequences of such. What is none of them stays as it is.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {_key(key): to_plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(one) for one in value]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if hasattr(value, 'tolist'):  # numpy's, which need not be imported for it
        return value.tolist()
    return value


def json_text(value: Any) -> str:
    """JSON for people and other programs; numbers that are infinite or undefined are null.

    Args:
        value: whatever `to_plain` takes.
    """
    return json.dumps(_finite(to_plain(value)), indent=2, allow_nan=False) + '\n'


def from_plain(
    cls: type[T],
    data: Any,
    what: str,
    *,
    only_known: bool = False,
    error: type[DrivsegError] = DataError,
) -> T:
    """A dataclass from the plain data that `to_plain` makes of it.

    Types are checked and never converted, except that an integer may stand for a float.

    Args:
        cls: the dataclass, or any other type such as list[int]. Arrays of numpy get the dtype that
            their numbers call for.
        data: plain data.
        what: what it is, for the error: 'this evaluation'.
        only_known: whether keys that the dataclass does not have are refused; else they are left
            alone.
        error: the kind of error.

    Raises:
        DataError: or the error asked for, if the data are something else; says where, what is
            given and what is allowed.
        MissingDependencyError: if msgspec is not installed.
    """
    msgspec = import_library('msgspec', extra='')
    try:
        made: T = msgspec.convert(data, cls, dec_hook=_decode)
    except msgspec.ValidationError as refusal:
        raise error(f'{what} {_explain(str(refusal), cls, data)}') from None
    if only_known:
        _refuse_unknown(data, to_plain(made), what, '', error)
    return made


def parse_json(text: str, what: str, *, error: type[DrivsegError] = DataError) -> Any:
    """Plain data from a text.

    Args:
        text: the JSON.
        what: what it is, for the error.
        error: the kind of error.

    Raises:
        DataError: or the error asked for, if it is no JSON.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise error(f'{what} is nested too deeply; write it again') from None
    except ValueError as refusal:
        raise error(f'{what} is not JSON ({refusal}); write it again') from None


def read_json(
    path: Path, what: str, *, max_bytes: int = MAX_BYTES, error: type[DrivsegError] = DataError
) -> Any:
    """Plain data from a file.

    Args:
        path: the file, JSON in UTF-8.
        what: what it is, for the error.
        max_bytes: a larger file is refused.
        error: the kind of error.

    Raises:
        DataError: or the error asked for, if it cannot be read, is too large, or is no JSON.
    """
    text = read_text(path, what, max_bytes=max_bytes, error=error)
    return parse_json(text, f'{path} ({what})', error=error)


def _key(key: Any) -> str:
    plain = to_plain(key)
    return plain if isinstance(plain, str) else json.dumps(plain)


def _finite(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _finite(value) for key, value in plain.items()}
    if isinstance(plain, list):
        return [_finite(value) for value in plain]
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def _decode(kind: type, value: Any) -> Any:
    """What msgspec does not know itself."""
    if kind.__module__ == 'numpy':
        import numpy as np

        array = np.array(value)
        if not isinstance(value, list) or array.dtype.kind not in 'biuf':
            raise ValueError('a table of numbers is needed')
        return array
    if issubclass(kind, PurePath):
        if isinstance(value, str):
            return kind(value)
        raise ValueError(f'Expected `str`, got `{type(value).__name__}`')
    raise TypeError(f'{kind} cannot be read from plain data')


def _explain(refusal: str, cls: Any, data: Any) -> str:
    """Msgspec's sentence as ours: what is given, what is allowed, what to do."""
    reason, _, place = refusal.partition(' - at ')
    is_key, place = '`key` in ' in place, place.removeprefix('`key` in ')
    place = place.removeprefix('`$').removesuffix('`').removeprefix('.')
    where = (' among the keys' if is_key else '') + (f' at {place}' if place else '')
    missing = re.fullmatch(r'Object missing required field `(\w+)`', reason)
    if missing:
        return f'lacks the key {missing[1]!r}{where}; add it'
    given, kind = ('', None) if is_key else _at(place, cls, data)
    wrong = re.fullmatch(r'Expected (.+), got (.+)', reason)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        wanted = f'allowed are {", ".join(str(one.value) for one in kind)}'
    elif wrong:
        wanted = f'needed is {_words(wrong[1])}'
        given = given or _words(wrong[2])
    else:
        return f'is damaged{where} ({reason[:_LONGEST]}); correct it, or make it again'
    return f'has {given or "another value"}{where}; {wanted}'


def _words(kinds: str) -> str:
    """Types as msgspec writes them, such as `int | null`, in words."""
    return re.sub(r'\w+', lambda m: _WORDS.get(m[0], m[0]), kinds.replace('`', '')).replace(
        ' | ', ' or '
    )


def _at(place: str, kind: Any, data: Any) -> tuple[str, Any]:
    """What stands at a place such as classes[0].role, as text, and the type that belongs there."""
    try:
        for key, index in re.findall(r'(\w+)|\[(\d+|\.\.\.)\]', place):
            (kind,) = (k for k in _parts(kind) if k is not type(None))
            if key:
                kind, data = typing.get_type_hints(kind)[key], data[key]
            else:
                arguments = typing.get_args(kind)
                fixed = typing.get_origin(kind) is tuple and arguments[-1] is not Ellipsis
                kind = arguments[int(index) if fixed else 0]
                data = data[int(index)]
        kinds = [k for k in _parts(kind) if k is not type(None)]
        return json.dumps(data)[:_LONGEST], kinds[0] if len(kinds) == 1 else None
    except (KeyError, IndexError, TypeError, ValueError, NameError):
        return '', None  # a key of a mapping, which msgspec does not name, or a union


def _parts(kind: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    return typing.get_args(kind) if is_union else (kind,)


def _refuse_unknown(
    given: Any, known: Any, what: str, place: str, error: type[DrivsegError]
) -> None:
    if isinstance(given, Mapping) and isinstance(known, Mapping):
        unknown = sorted(_key(key) for key in given if _key(key) not in known)
        if unknown:
            where = f' at {place.removeprefix(".")}' if place else ''
            raise error(
                f'{what} has the unknown keys {unknown}{where}; allowed are {sorted(known)}'
            )
        for key, one in given.items():
            _refuse_unknown(one, known[_key(key)], what, f'{place}.{key}', error)
    elif isinstance(given, list) and isinstance(known, list):
        for index, (one, other) in enumerate(zip(given, known, strict=False)):
            _refuse_unknown(one, other, what, f'{place}[{index}]', error)
