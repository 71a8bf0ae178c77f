# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""classes.yaml: what the ids in a folder's labels mean, beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drivseg_ros.errors import DataError
from drivseg_ros.model.card import ModelClass

CLASSES_FILE = 'classes.yaml'


def classes_text(classes: Sequence[ModelClass]) -> str:
    """The classes as the content of such a file."""
    lines = ['# The classes in the order of their ids; 255 is unlabelled.']
    for c in classes:
        lines.append(f'- {{name: {_quoted(c.name)}, color: {list(c.color)}, role: {c.role.value}}}')
    return '\n'.join(lines) + '\n'


def read_classes_file(path: Path) -> list[Any]:
    """The entries of such a file, as `folder.classes_named` takes them.

    Raises:
        DataError: If it cannot be read, or is no list.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ='safe').load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"classes '{path}' cannot be read: {first}") from None
    if not isinstance(content, list):
        raise DataError(
            f"classes '{path}' are no list; give a name, or {{name, color, role}}, for each id "
            'from 0 on'
        )
    return content


def _quoted(text: str) -> str:
    """A double-quoted scalar (YAML 1.2, 7.3.1)."""
    marks = {'"': '\\"', '\\': '\\\\'}
    inner = ''.join(marks.get(c, c if c.isprintable() else f'\\U{ord(c):08x}') for c in text)
    return f'"{inner}"'
