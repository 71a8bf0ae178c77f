# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""YAML from outside becomes plain data, or one sentence."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from drivseg_ros.base.yaml_data import MAX_BYTES, parse_yaml, read_yaml
from drivseg_ros.errors import DataError, ParameterError


def test_what_aliases_stand_for_is_copied(tmp_path: Path) -> None:
    path = tmp_path / 'a.yaml'
    path.write_text('a: &x {b: [1, 1.5, yes, ~, text]}\nc: *x\n2: d\n')
    content = read_yaml(path, 'a map')
    part = {'b': [1, 1.5, 'yes', None, 'text']}
    assert content == {'a': part, 'c': part, 2: 'd'}
    assert content['a'] is not content['c']


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a: [1', 'the map cannot be read as YAML: .* in line 1; correct it'),
        ('a: 1\na: 2', 'the map cannot be read as YAML: .*duplicate key'),
        ('a: &x [*x]', 'an alias for the very part that it lies in'),
        ('a: 2026-01-02', "holds '2026-01-02', which YAML takes for a date; put it in quotes"),
        ('a: !!binary aGFsbG8=', 'takes for a bytes'),
        ('!!python/object/apply:os.getcwd []', 'cannot be read as YAML'),
        (
            'a: &a [x, x, x, x, x, x, x, x, x, x]\n'
            + ''.join(f'{b}: &{b} [{", ".join([f"*{a}"] * 10)}]\n' for a, b in pairwise('abcdef')),
            'has more than 200000 values',
        ),
        ('[' * 1000, 'nested too deeply'),
        # For these the parser takes minutes, by the square of their length.
        ('{' * 200_000, 'nested too deeply'),
        ('[{a: ' * 100_000, 'nested too deeply'),
        (
            'b0: &b0 {x: 1}\n'
            + ''.join(f'b{i}: &b{i} {{<<: *b{i - 1}, y{i}: 1}}\n' for i in range(1, 5000)),
            'merges too often',
        ),
        ('- ' * 100_000, 'nested too deeply'),
        ('a: ' + '1' * 100_000, 'cannot be read as YAML: .*limit'),
        ('a: 0x' + 'f' * 100_000, 'an integer of more than 64 bits'),
        ('%YAML ' + '1' * 5000 + '.1\n--- a', 'cannot be read as YAML: .*limit'),
        (
            'a: &a [x, x, x, x, x, x, x, x, x, x]\n'
            + ''.join(
                f'{b}: &{b} [{", ".join([f"*{a}"] * 10)}]\n' for a, b in pairwise('abcdefghi')
            )
            + 'z: !!pairs [k: *i]',
            'has more than 200000 values|holds a tuple',
        ),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        parse_yaml(text, 'the map', error=ParameterError)
    assert '\n' not in str(caught.value)


def test_files_that_are_too_large(tmp_path: Path) -> None:
    path = tmp_path / 'a.yaml'
    path.write_bytes(b'#' * (MAX_BYTES + 1))
    with pytest.raises(DataError, match=r'a\.yaml is larger than 1048576 bytes, .* for a map'):
        read_yaml(path, 'a map')
