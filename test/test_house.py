# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The order of the rooms (docs/design.md): imports point to a room that stands further left."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / 'drivseg_ros'
ORDER = (
    *('errors', 'base', 'model', 'images', 'networks', 'engines', 'ground', 'segmenter', 'node'),
    *('scenes', 'frames', 'bags', 'evaluation', 'report', 'bench', 'lab', 'doctor', 'cli'),
)
# The rooms, or the files that begin so, that may import what is large or not installed everywhere.
GUARDED = {
    'rclpy': (
        *('node/', 'bags/live', 'bags/outlets', 'bags/player', 'bags/recorder', 'bench/'),
        *('evaluation/live/', 'doctor/'),
    ),
    'torch': ('networks/', 'lab/', 'engines/torch', 'bench/engine_worker', 'doctor/'),
}


@cache
def modules() -> dict[str, Path]:
    """The names of all modules and packages, and their files."""
    found = {}
    for path in sorted(PACKAGE.rglob('*.py')):
        parts = path.relative_to(PACKAGE.parent).with_suffix('').parts
        found['.'.join(parts[:-1] if parts[-1] == '__init__' else parts)] = path
    return found


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(modules()[name].read_text())


def imports(node: ast.AST, *, typing_too: bool) -> Iterator[str]:
    """What is imported anywhere in a module, functions included.

    Args:
        node: the module's tree.
        typing_too: whether that which is only for type checkers counts.
    """
    if not typing_too and isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.dump(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for name in node.names:
            inner = f'{node.module}.{name.name}'
            yield inner if inner in modules() else node.module
    for child in ast.iter_child_nodes(node):
        yield from imports(child, typing_too=typing_too)


def room(name: str) -> str:
    return name.split('.')[1] if '.' in name else ''


def test_every_room_has_its_place() -> None:
    assert {room(name) for name in modules()} - {''} == set(ORDER)


def test_imports_point_one_way() -> None:
    wrong = {
        (name, imported)
        for name in modules()
        for imported in imports(tree(name), typing_too=True)
        if imported.startswith('drivseg_ros.') and room(name)
        if ORDER.index(room(imported)) > ORDER.index(room(name))
    }
    assert wrong == set()


def test_no_import_leads_back_to_where_it_came_from() -> None:
    """Not even in steps, nor by an import within a function: that only hides a circle."""
    ahead = {
        name: {
            imported
            for imported in imports(tree(name), typing_too=False)
            if imported in modules() and imported != name
        }
        for name in modules()
    }
    # What imports nothing that is left cannot be in a circle.
    while ends := {name for name, imported in ahead.items() if not imported & ahead.keys()}:
        ahead = {name: imported for name, imported in ahead.items() if name not in ends}
    assert {name: sorted(imported & ahead.keys()) for name, imported in ahead.items()} == {}


def test_modules_that_are_named_are_there() -> None:
    """As for `python -m`, and in tables of what is imported when it is asked for."""
    named = {
        (name, node.value)
        for name in modules()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r'drivseg_ros(\.[a-z]\w*)+', node.value)
    }
    assert len(named) > 5
    assert {(name, value) for name, value in named if value not in modules()} == set()


def test_few_rooms_import_what_is_large_or_not_everywhere() -> None:
    wrong = {
        (name, library)
        for name, path in modules().items()
        for library, allowed in GUARDED.items()
        if not path.relative_to(PACKAGE).as_posix().startswith(allowed)
        if any(i.split('.')[0] == library for i in imports(tree(name), typing_too=False))
    }
    assert wrong == set()
