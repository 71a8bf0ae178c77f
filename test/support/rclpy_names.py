# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which names of rclpy the package uses, found in the sources of both."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import drivseg_ros

PACKAGE = Path(drivseg_ros.__file__).parent
# Where the list lies of those that every supported distribution has, and what writes it.
LIST = Path(__file__).resolve().parents[1] / 'node/rclpy_names.json'
COMMAND = 'scripts/list_rclpy_names FOLDER_OF_RCLPY_RELEASE'
# Classes whose objects are used without being imported: rclpy's functions return them.
RETURNED = {
    'Client',
    'Context',
    'JumpHandle',
    'Publisher',
    'RcutilsLogger',
    'Service',
    'Subscription',
    'Task',
    'Time',
    'TopicEndpointInfo',
    'TypeDescriptionService',
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Rclpy:
    """What the Python files of an rclpy define.

    Args:
        files: dotted names of its modules, such as 'rclpy.node', and their text.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        self._names: dict[str, set[str]] = {}
        self._classes: dict[str, ast.ClassDef] = {}
        for module, text in files.items():
            tree = ast.parse(text)
            self._names[module] = set(_defined(tree))
            self._classes |= {n.name: n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)}

    def has(self, module: str, name: str) -> bool:
        """Whether the module is there and has the name ('' for the module itself)."""
        if f'{module}.{name}' in self._names:
            return True
        return module in self._names and (not name or name in self._names[module])

    def knows(self, member: str) -> bool:
        """Whether the class of a member, such as 'Node.create_timer', is one of Python's."""
        return re.split(r'[.(]', member)[0] in self._classes

    def members(self, name: str) -> dict[str, Function | None]:
        """Attributes of the class and of those it inherits from; None for what is no function."""
        found: dict[str, Function | None] = {}
        if name not in self._classes:
            return found
        node = self._classes[name]
        for base in node.bases:
            inner = base.value if isinstance(base, ast.Subscript) else base
            found |= self.members(ast.unparse(inner).split('.')[-1])
        for part in ast.walk(node):
            if isinstance(part, Function):
                found[part.name] = part
            elif isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
                found.setdefault(part.attr, None)
        return found | {n: None for n in _defined(node) if n not in found}


def installed() -> Rclpy:
    """The rclpy of this environment."""
    import rclpy

    folder = Path(rclpy.__file__).parent
    return Rclpy(
        {dotted(path.relative_to(folder.parent)): path.read_text() for path in folder.rglob('*.py')}
    )


def dotted(path: Path) -> str:
    """The name of a module by its path, such as rclpy/node.py."""
    return '.'.join(path.with_suffix('').parts).removesuffix('.__init__')


def imported_names() -> set[str]:
    """Modules of rclpy and what is taken from them, as 'rclpy' and 'rclpy.node:Node'."""
    return {name for tree in _trees() for name in _imports(tree)}


def used_members(rclpy: Rclpy) -> set[str]:
    """Attributes and arguments that this rclpy has, such as 'Node.create_timer(clock)'.

    Args:
        rclpy: the rclpy.

    Returns:
        Names by class. What is called the same without being rclpy's is among them.
    """
    found = set()
    classes = RETURNED | {name.partition(':')[2] for name in imported_names()}
    members = {name: rclpy.members(name) for name in classes}
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                ours = ast.unparse(node.value) == 'self' and node.attr.startswith('_')
                if not ours and not node.attr.startswith('__'):
                    found |= {f'{c}.{node.attr}' for c, has in members.items() if node.attr in has}
            elif isinstance(node, ast.ClassDef):
                found |= set(_overridden(node, members))
            elif isinstance(node, ast.Call):
                found |= set(_arguments(node, members))
    return found


def _overridden(
    ours: ast.ClassDef, members: Mapping[str, Mapping[str, Function | None]]
) -> Iterator[str]:
    """The methods of rclpy that a class of ours replaces."""
    for base in ours.bases:
        has = members.get(ast.unparse(base), {})
        for method in ours.body:
            if isinstance(method, Function) and method.name in {*has} - {'__init__'}:
                yield f'{ast.unparse(base)}.{method.name}'


def _arguments(
    call: ast.Call, members: Mapping[str, Mapping[str, Function | None]]
) -> Iterator[str]:
    """The arguments by keyword of a call, as far as the function is known to have them."""
    for name, has in members.items():
        if isinstance(call.func, ast.Attribute):
            function, shown = has.get(call.func.attr), f'{name}.{call.func.attr}'
        elif isinstance(call.func, ast.Name) and call.func.id == name:
            function, shown = has.get('__init__') or has.get('__new__'), name
        else:
            continue
        if function is None:
            continue
        arguments = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
        for keyword in call.keywords:
            if keyword.arg in arguments or (function.args.kwarg and keyword.arg):
                yield f'{shown}({keyword.arg})'


@functools.cache
def _trees() -> tuple[ast.Module, ...]:
    """The modules that use rclpy: all of the node, and those that import it."""
    trees = ((path, ast.parse(path.read_text())) for path in sorted(PACKAGE.rglob('*.py')))
    return tuple(t for path, t in trees if path.parent.name == 'node' or any(_imports(t)))


def _imports(tree: ast.Module) -> Iterator[str]:
    """What the module, or a script in one of its strings, imports of rclpy."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or '').split('.')[0] == 'rclpy':
            yield from (f'{node.module}:{alias.name}' for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split('.')[0] == 'rclpy')
        elif isinstance(node, ast.Attribute):
            module, _, name = ast.unparse(node).rpartition('.')
            if re.fullmatch(r'rclpy(\.\w+)*', module) and not name.startswith('__'):
                yield f'{module}:{name}'
        elif isinstance(node, ast.Constant) and {'import', 'rclpy'} <= {*str(node.value).split()}:
            with suppress(SyntaxError):
                yield from _imports(ast.parse(str(node.value)))


def _defined(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    """What a module or class has at its top, also where that depends on something."""
    todo: list[ast.stmt] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (
                name.id for t in node.targets for name in ast.walk(t) if isinstance(name, ast.Name)
            )
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.If | ast.Try | ast.With):
            todo += [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]
            for handler in getattr(node, 'handlers', ()):
                todo += handler.body
