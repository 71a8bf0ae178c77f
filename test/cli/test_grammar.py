# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One grammar for all commands: an option has one name, one type and one meaning everywhere."""

from __future__ import annotations

import inspect
import re
import typing
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.models import ArgumentInfo, OptionInfo
from typer.utils import get_params_from_function

from drivseg_ros.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
# Options whose help differs from command to command, because it says what is made, or what of.
OWN_WORDS = {
    '--output': 'what is made',
    '--engine': 'any, several, or only those that build something',
    '--model': 'one, or several with engines of their own; explain takes checkpoints only',
    '--calibration': 'written into a bag, or taken for the one in it',
    '--data': 'from data sets only, or from pictures and bags only',
    '--duration': 'of a drive, a recording or a run',
    '--rate': 'one, or several',
    '--size': 'one, or several',
    '--image-topic': 'read, where it may be left out, or written',
    '--label-topic': 'read, or written',
}
# All options that name a file or folder: those that are written, and those that are read.
WRITTEN = {
    *('--output', '--json', '--junit', '--html', '--npz', '--log', '--video', '--contact-sheet'),
    *('--masks', '--confidence', '--cache'),
}
READ = {'--attributes', '--baseline', '--bag', '--calibration', '--data-folder'}
READ |= {'--bird', '--timestamps'}
# What a cache holds is never wrong, and never replaced.
NOTHING_REPLACED = {'--cache'}
PLURAL = {'--class', '--cameras', '--bands', '--draws'}  # not plurals of a list, or a number of
JARGON = re.compile(
    r"\b(judge|judged|judges|tell|tells|told|figures?|lies|costs itself|somebody's|obituary"
    r'|by commas|commas between|may be given (again|several times)|ours)\b',
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Parameter:
    """An argument or option of a command, as its function declares it."""

    command: str
    name: str
    info: OptionInfo | ArgumentInfo
    type: Any
    default: Any

    @property
    def option(self) -> str:
        """Its long name; '' of an argument."""
        if isinstance(self.info, ArgumentInfo):
            return ''
        names = self.info.param_decls or (f'--{self.name.replace("_", "-")}',)
        return next(name for name in names if name.startswith('--')).split('/')[0]

    @property
    def kinds(self) -> set[Any]:
        """The types of a value, without None and whether it is repeated."""
        types = typing.get_args(self.type) if _is_union(self.type) else (self.type,)
        return {
            typing.get_args(one)[0] if typing.get_origin(one) is list else one
            for one in types
            if one is not type(None)
        }

    @property
    def is_list(self) -> bool:
        """Whether it is repeated."""
        types = typing.get_args(self.type) if _is_union(self.type) else (self.type,)
        return any(typing.get_origin(one) is list for one in types)

    def __str__(self) -> str:
        return f'{self.command} {self.option or self.name.upper()}'


def _is_union(kind: Any) -> bool:
    return type(None) in typing.get_args(kind)


def functions(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """All commands with their functions."""
    for command in group.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace('_', '-')
        yield ' '.join((*path, name)), command.callback
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from functions(inner.typer_instance, (*path, str(inner.name)))


COMMANDS = dict(functions(app))


def parameters_of(command: str) -> list[Parameter]:
    return [
        Parameter(command, name, meta.default, meta.annotation, meta.default.default)
        for name, meta in get_params_from_function(COMMANDS[command]).items()
    ]


def options_of(command: str) -> list[Parameter]:
    return [one for one in parameters_of(command) if one.option]


PARAMETERS = [one for command in COMMANDS for one in parameters_of(command)]


def names(group: Any, path: tuple[str, ...] = ()) -> list[str]:
    inner = getattr(group, 'commands', None)
    if inner is None:
        return [' '.join(path)]
    return [name for key, command in inner.items() for name in names(command, (*path, key))]


def test_no_command_is_missed() -> None:
    found = [name for name, _ in functions(app)]
    assert sorted(found) == sorted(names(typer.main.get_command(app)))


def test_an_option_is_the_same_everywhere() -> None:
    by_name = defaultdict(list)
    for one in (one for one in PARAMETERS if one.option):
        by_name[one.option].append(one)
    for name, group in by_name.items():
        kinds = {frozenset(one.kinds) for one in group}
        assert len(kinds) == 1, f'{name} has the types {kinds}: {list(map(str, group))}'
        helps = {one.info.help for one in group}
        assert len(helps) == 1 or name in OWN_WORDS, f'{name}: {helps}, {list(map(str, group))}'


@pytest.mark.parametrize('command', COMMANDS)
class TestOptions:
    def test_short_names_are_of_the_output_only(self, command: str) -> None:
        for one in options_of(command):
            short = [name for name in one.info.param_decls or () if re.fullmatch('-[a-z]', name)]
            assert short == (['-o'] if one.option == '--output' else []), one

    def test_json_is_a_file(self, command: str) -> None:
        for one in options_of(command):
            if one.option == '--json':
                assert one.kinds == {Path}
                assert one.info.metavar == 'FILE'

    def test_what_is_written_is_replaced_only_with_overwrite(self, command: str) -> None:
        options = options_of(command)
        files = {one.option for one in options if Path in one.kinds}
        assert files <= WRITTEN | READ, 'are they read or written?'
        if files & WRITTEN - NOTHING_REPLACED:
            assert '--overwrite' in {one.option for one in options}

    def test_a_list_is_a_repeated_option_of_a_singular_name(self, command: str) -> None:
        for one in options_of(command):
            assert one.is_list == ('repeatable' in str(one.info.help)), one
            if one.is_list:
                assert not one.option.endswith('s') or one.option in PLURAL, one

    def test_rates_are_in_hz_and_speeds_are_factors(self, command: str) -> None:
        for one in options_of(command):
            text = str(one.info.help)
            assert (one.option == '--rate') == ('per second' in text), one
            assert one.option == '--speed' or 'as recorded' not in text, one


@pytest.mark.parametrize('command', COMMANDS)
class TestHelp:
    def test_is_one_short_sentence(self, command: str) -> None:
        for one in parameters_of(command):
            text = str(one.info.help)
            assert '\n' not in text, one
            assert len(text) <= 110, one
            assert text.endswith('.'), one
            assert not re.search(r'\. [A-Z]', text), f'{one}: two sentences'
            assert not JARGON.search(text), one

    def test_says_what_is_taken_without_it(self, command: str) -> None:
        """None says nothing: either show_default does, or nothing happens without the option."""
        for one in parameters_of(command):
            assert one.default is not None or one.info.show_default is not True, one

    def test_begins_with_one_line(self, command: str) -> None:
        text = inspect.getdoc(COMMANDS[command])
        assert text
        first = text.splitlines()[0]
        assert len(first) <= 62, 'does not fit a line of `drivseg --help` in 80 columns'
        assert first.endswith('.')
        assert not JARGON.search(text)


@pytest.mark.parametrize(
    ('name', 'completes'),
    [
        ('model', 'models'),
        ('engine', 'engines'),
        ('precision', 'precisions'),
        ('kind', 'dataset_kinds'),
        ('recipe', 'recipes'),
        ('networks', 'networks'),
        ('card', 'import_cards'),
    ],
)
def test_names_are_completed(name: str, completes: str) -> None:
    for one in PARAMETERS:
        if one.name == name and one.command not in ('explain', 'engine build'):
            assert one.info.autocompletion is not None, one
            assert one.info.autocompletion.__name__ == completes


# Made by commands of their day.
_GENERATED = ('comparison_bdd100k.md', 'default_network.md')
_LINE = re.compile(
    r'\bdrivseg ((?:bag|bench|dataset|engine|models|report) [a-z-]+|[a-z]+)([^`\n]*)'
)


@pytest.mark.skipif(not (ROOT / 'README.md').is_file(), reason='the tests run without a checkout')
def test_pages_name_options_that_there_are() -> None:
    known = {name: {one.option for one in parameters_of(name)} for name in COMMANDS}
    pages = [
        *ROOT.glob('*.md'),
        *(page for page in (ROOT / 'docs').glob('*.md') if page.name not in _GENERATED),
        *(ROOT / 'config').rglob('*.yaml'),
    ]
    found = 0
    for page in pages:
        text = re.sub(r'\\\n#?', ' ', page.read_text())
        for command, rest in _LINE.findall(text):
            if command not in known:
                continue
            named = set(re.findall(r'(--[a-z][a-z-]*)', rest))
            # Whatever follows is another program's.
            assert named <= known[command] or '--node' in rest, f'{page.name}: {command}{rest}'
            found += len(named)
    assert found > 20
