# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Classes as people write them: in an option, a recipe, or a classes.yaml beside labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drivseg_ros.base.yaml_data import read_yaml
from drivseg_ros.errors import DataError, ModelError, ParameterError
from drivseg_ros.model.card import ModelClass, Role

CLASSES_FILE = 'classes.yaml'


def parse_classes(given: Any) -> tuple[ModelClass, ...]:
    """Classes in the order of their ids.

    Args:
        given: A list of names or {name, color, role}. A class without a colour gets a grey level.

    Raises:
        ParameterError: If it is anything else, or a class is not valid.
    """
    if (
        isinstance(given, str)
        or not isinstance(given, Sequence)
        or not all(isinstance(e, (str, Mapping)) for e in given)
    ):
        raise ParameterError(
            f'classes are {given!r}; give a list of names or {{name, color, role}}'
        )
    classes = []
    for i, entry in enumerate(given):
        fields: dict[str, Any] = {'name': entry} if isinstance(entry, str) else dict(entry)
        unknown = sorted(set(fields) - {'name', 'color', 'role'})
        if unknown or 'name' not in fields:
            raise ParameterError(
                f'class {i} is given as {entry!r}; give a name, or {{name, color, role}}'
            )
        grey = 255 * (i + 1) // len(given)
        color = fields.get('color', (grey, grey, grey))
        if not isinstance(color, Sequence):
            raise ParameterError(
                f'class {i} has the color {color!r}; give [red, green, blue], each from 0 to 255'
            )
        try:
            role = fields.get('role', Role.NONE)
            classes.append(ModelClass(i, fields['name'], tuple(color), role))
        except ModelError as error:
            raise ParameterError(f'class {i} is not valid: {error}') from None
    names = [c.name for c in classes]
    if not names or len(set(names)) != len(names):
        raise ParameterError(f'the classes {names} must be at least one, each with its own name')
    return tuple(classes)


def classes_text(classes: Sequence[ModelClass]) -> str:
    """The classes as the content of a classes.yaml."""
    lines = ['# The classes in the order of their ids; 255 is unlabelled.']
    for c in classes:
        lines.append(f'- {{name: {_quoted(c.name)}, color: {list(c.color)}, role: {c.role.value}}}')
    return '\n'.join(lines) + '\n'


def read_classes(path: Path) -> tuple[ModelClass, ...]:
    """The classes in a classes.yaml.

    Raises:
        DataError: If it cannot be read, or holds anything else.
    """
    content = read_yaml(path, 'a list of classes')
    if not isinstance(content, list):
        raise DataError(
            f"classes '{path}' are no list; give a name, or {{name, color, role}}, for each id "
            'from 0 on'
        )
    try:
        return parse_classes(content)
    except ParameterError as error:
        raise DataError(f"classes '{path}': {error}") from None


def _quoted(text: str) -> str:
    """A double-quoted scalar (YAML 1.2, 7.3.1)."""
    marks = {'"': '\\"', '\\': '\\\\'}
    inner = ''.join(marks.get(c, c if c.isprintable() else f'\\U{ord(c):08x}') for c in text)
    return f'"{inner}"'
