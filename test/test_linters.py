# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Style, types and well-formed files. A missing tool is a failure: install the extra `dev`."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 400
HEADER = ['# Copyright 2026 The drivseg_ros authors', '# SPDX-License-Identifier: Apache-2.0']
# Written in two parts, so that this file does not find itself.
FORBIDDEN = {
    'a package registry': '(?:py' + r'pi\.org|python' + r'hosted\.|download\.py' + r'torch\.)',
    'an option for a registry': '(?:--(?:extra-)?index' + '-url|--find' + '-links)',
    'a home folder': '(?:/ro' + 'ot/|/ho' + r'me/\w)',
    'unfinished work': r'\b(?:TO' + 'DO|FIX' + r'ME)\b',
}


def tracked(*suffixes: str) -> list[Path]:
    """The files that end so of the repository, or of the tree where there is no git."""
    command = ['git', 'ls-files', '--cached', '--others', '--exclude-standard']
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        files = [ROOT / line for line in listed.stdout.splitlines()]
    except (OSError, subprocess.CalledProcessError):
        skipped = {'.venv', '.venvs', 'build', 'install', 'log', 'demo', '__pycache__'}
        files = [p for p in ROOT.rglob('*') if not skipped & set(p.relative_to(ROOT).parts)]
    return sorted(p for p in files if p.is_file() and p.name.endswith(suffixes or ''))


def shell_scripts() -> list[Path]:
    return [
        path
        for path in tracked()
        if path.suffix == '.sh' or path.read_bytes().startswith(b'#!/usr/bin/env bash')
    ]


@pytest.mark.first
@pytest.mark.parametrize(
    'arguments',
    [
        ['mypy'],
        ['ruff', 'check', '--no-cache', '.'],
        ['ruff', 'format', '--no-cache', '--check', '.'],
    ],
    ids=' '.join,
)
def test_a_linter_has_nothing_to_say(arguments: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, '-m', *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_source_file_begins_with_the_header() -> None:
    def lacks_it(path: Path) -> bool:
        lines = path.read_text().splitlines()
        return lines[1:3] != HEADER if lines[:1] and lines[0][:2] == '#!' else lines[:2] != HEADER

    sources = tracked('.py') + shell_scripts()
    assert len(sources) > 10
    assert [str(p.relative_to(ROOT)) for p in sources if lacks_it(p)] == []


def test_no_source_file_is_too_long() -> None:
    lengths = {p: len(p.read_text().splitlines()) for p in tracked('.py') + shell_scripts()}
    assert {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > MAX_LINES} == {}


def test_annotations_are_postponed_wherever_something_is_defined() -> None:
    late = []
    for path in tracked('.py'):
        tree = ast.parse(path.read_text())
        defines = any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in tree.body)
        imported = {
            name.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module == '__future__'
            for name in node.names
        }
        if defines and 'annotations' not in imported:
            late.append(str(path.relative_to(ROOT)))
    assert late == []


@pytest.mark.parametrize('sort', FORBIDDEN)
def test_no_file_holds(sort: str) -> None:
    pattern = re.compile(FORBIDDEN[sort])
    suffixes = ('.py', '.sh', '.md', '.rst', '.txt', '.toml', '.cfg', '.xml', '.yaml', '.rviz')
    found = [
        f'{path.relative_to(ROOT)}:{number}: {line.strip()}'
        for path in {*tracked(*suffixes), *shell_scripts()}
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize('script', shell_scripts(), ids=lambda path: path.name)
def test_bash_can_read(script: Path) -> None:
    run = subprocess.run(['bash', '-n', str(script)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert script.suffix == '.sh' or script.stat().st_mode & 0o111, 'not executable'


@pytest.mark.parametrize('path', tracked('.xml'), ids=lambda path: path.name)
def test_xml_is_well_formed(path: Path) -> None:
    assert len(ElementTree.parse(path).getroot()) > 0


@pytest.mark.parametrize('path', tracked('.yaml', '.yml', '.rviz'), ids=lambda path: path.name)
def test_yaml_is_a_mapping(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_rviz_shows_camera_overlay_and_colours_by_relative_names() -> None:
    view = yaml.safe_load((ROOT / 'config/rviz/seg.rviz').read_text())
    displays = view['Visualization Manager']['Displays']
    topics = {
        d['Topic']['Value']: d['Topic']['Reliability Policy']
        for d in displays
        if d['Class'] == 'rviz_default_plugins/Image'
    }
    others = {d['Topic']['Value'].partition('/')[2] for d in displays} - {''}
    assert others - {'overlay', 'mask_color'} == {
        *('grid', 'scan'),
        *('corridor/left', 'corridor/right', 'corridor/centre'),
    }
    assert topics == {
        'segmentation/overlay': 'Best Effort',
        'segmentation/mask_color': 'Best Effort',
        'image': 'Best Effort',
    }
