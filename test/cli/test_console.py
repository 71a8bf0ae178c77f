# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is printed commands no terminal: names of topics, frames and files are of others."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.table import Table

from drivseg_ros.cli import console

TITLE, RED = '\x1b]0;pwned\x07', '\x1b[31m'


def test_control_characters_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for one in (console.out, console.err):
        one.print(f'{TITLE}topic\r\n{RED}of [bold]others[/bold]\x9b2J')
        one.print(f'{RED}as it stands', markup=False, soft_wrap=True)
    table = Table(f'{RED}head')
    table.add_row(f'{RED}cell')
    console.out.print(table)
    console.print_path(Path(f'{RED}file'))
    printed = ''.join(capsys.readouterr())
    assert not set(printed) & {chr(c) for c in (*range(10), *range(11, 32), *range(127, 160))}
    assert printed.count('\\x1b[31m') == 7
    assert printed.count('\\x1b]0;pwned\\x07topic\\x0d\n\\x1b[31mof others\\x9b2J\n') == 2


def test_ends_of_lines_and_letters_stay(capsys: pytest.CaptureFixture[str]) -> None:
    console.out.print('a\nStraße 道路 \U0001f697')
    assert capsys.readouterr().out == 'a\nStraße 道路 \U0001f697\n'
