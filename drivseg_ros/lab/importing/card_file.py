# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Import cards as YAML files, and the ready ones in config/import.

Keys that are not known are refused rather than ignored: a card that says more than is obeyed
would be obeyed wrongly.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from drivseg_ros.base.share import share_directory
from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.card import (
    REST,
    Activation,
    ClassSpec,
    Color,
    ImportCard,
    InputSpec,
    Layout,
    OutputSpec,
)
from drivseg_ros.model.card import Resize, Role

_SUFFIXES = ('.yaml', '.yml')
_Enum = TypeVar('_Enum', bound=enum.Enum)


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
    try:
        content = YAML(typ='safe', pure=True).load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        reason = ' '.join(str(error).split())
        raise ModelError(
            f'{path} cannot be read as YAML: {reason}; write it as the cards of '
            '`drivseg import --show NAME` are written'
        ) from None
    try:
        return _card(content)
    except ModelError as error:
        raise ModelError(f'{path}: {error}') from None


def _card(content: Any) -> ImportCard:
    section = _Section(content, 'the import card')
    card = ImportCard(
        input=_input(section.take('input')),
        outputs=tuple(
            _output(value, f'output {index} of the import card')
            for index, value in enumerate(section.take_list('outputs'))
        ),
        classes=tuple(
            _class(value, f'class {index} of the import card')
            for index, value in enumerate(section.take_list('classes'))
        ),
        name=section.take_text('name'),
        architecture=section.take_text('architecture') or '',
        description=section.take_text('description') or '',
        license=section.take_text('license') or '',
    )
    section.finish()
    return card


def _input(content: Any) -> InputSpec:
    section = _Section(content, "the import card's input")
    spec = InputSpec(
        color=section.take_enum('color', Color),
        scale=section.take_number('scale'),
        resize=section.take_enum('resize', Resize),
        mean=section.take_numbers('mean', (0.0, 0.0, 0.0)),
        std=section.take_numbers('std', (1.0, 1.0, 1.0)),
        layout=section.take_enum('layout', Layout, Layout.NCHW),
        name=section.take_text('name'),
        width=section.take_integer('width'),
        height=section.take_integer('height'),
    )
    section.finish()
    return spec


def _output(content: Any, what: str) -> OutputSpec:
    section = _Section(content, what)
    spec = OutputSpec(
        activation=section.take_enum('activation', Activation),
        name=section.take_text('name'),
        threshold=section.take_number('threshold', None),
        layout=section.take_enum('layout', Layout, Layout.NCHW),
    )
    section.finish()
    return spec


def _class(content: Any, what: str) -> ClassSpec:
    section = _Section(content, what)
    channels = section.take('channels')
    if channels != REST:
        channels = _integers(channels, f'{what} has the channels', f'a list of them, or {REST!r}')
    color = _integers(section.take('color'), f'{what} has the color', '[red, green, blue]')
    over = section.take('over', ())
    if not isinstance(over, (list, tuple)) or not all(isinstance(name, str) for name in over):
        raise ModelError(f'{what} has the over {over!r}; a list of class names is allowed')
    spec = ClassSpec(
        name=section.take_text('name', needed=True) or '',
        color=color,  # type: ignore[arg-type]  # ModelClass refuses other lengths
        role=section.take_enum('role', Role),
        channels=channels,
        output=section.take_text('output'),
        over=tuple(over),
    )
    section.finish()
    return spec


def _integers(value: Any, given: str, allowed: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(v) is int for v in value):
        raise ModelError(f'{given} {value!r}; allowed are integers: {allowed}')
    return tuple(value)


_NEEDED = object()


class _Section:
    """A mapping that is read key by key, and must be empty afterwards."""

    def __init__(self, content: Any, what: str) -> None:
        if not isinstance(content, Mapping):
            raise ModelError(
                f'{what} is {content!r}; it must be a mapping of keys to values: see '
                '`drivseg import --show NAME`'
            )
        self._left = {str(key): value for key, value in content.items()}
        self._known: list[str] = []
        self._what = what

    def take(self, key: str, default: Any = _NEEDED) -> Any:
        self._known.append(key)
        value = self._left.pop(key, default)
        if value is _NEEDED:
            raise ModelError(f'{self._what} lacks the key {key!r}; add it')
        return value

    def take_list(self, key: str) -> list[Any]:
        value = self.take(key)
        if not isinstance(value, list) or not value:
            raise ModelError(f'{self._what} has the {key} {value!r}; a list is needed, not empty')
        return value

    def take_text(self, key: str, *, needed: bool = False) -> str | None:
        value = self.take(key, _NEEDED if needed else None)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise ModelError(
                f'{self._what} has the {key} {value!r}; a text is needed, not empty (put it into '
                'quotes if YAML takes it for something else)'
            )
        return value

    def take_integer(self, key: str) -> int | None:
        value = self.take(key, None)
        if value is not None and type(value) is not int:
            raise ModelError(f'{self._what} has the {key} {value!r}; an integer is needed')
        return value

    def take_number(self, key: str, default: Any = _NEEDED) -> Any:
        value = self.take(key, default)
        return value if value is None else self._number(key, value)

    def take_numbers(self, key: str, default: tuple[float, ...]) -> tuple[float, ...]:
        value = self.take(key, default)
        if not isinstance(value, (list, tuple)):
            raise ModelError(f'{self._what} has the {key} {value!r}; a list of numbers is needed')
        return tuple(self._number(key, v) for v in value)

    def take_enum(self, key: str, kind: type[_Enum], default: Any = _NEEDED) -> _Enum:
        value = self.take(key, default)
        try:
            return kind(value)
        except ValueError:
            allowed = ', '.join(member.value for member in kind)
            raise ModelError(
                f'{self._what} has the {key} {value!r}; allowed are {allowed}'
            ) from None

    def finish(self) -> None:
        if self._left:
            raise ModelError(
                f'{self._what} has the unknown keys {sorted(self._left)}; allowed are '
                f'{sorted(self._known)}'
            )

    def _number(self, key: str, value: Any) -> float:
        """A number, or a fraction such as 1/255."""
        try:
            if isinstance(value, bool):
                raise ValueError
            return float(Fraction(value)) if isinstance(value, str) else float(value)
        except (TypeError, ValueError, ZeroDivisionError):
            raise ModelError(
                f'{self._what} has the {key} {value!r}; a number or a fraction such as 1/255 is '
                'needed'
            ) from None
