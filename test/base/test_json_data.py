# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Dataclasses as plain data and back, and what is said of data that are something else."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivseg_ros.base.json_data import from_plain, json_text, parse_json, read_json, to_plain
from drivseg_ros.errors import BagError, DataError


class Kind(str, enum.Enum):
    GOOD = 'good'
    BAD = 'bad'


@dataclass(frozen=True)
class Item:
    id: int
    color: tuple[int, int, int]
    kind: Kind = Kind.GOOD

    def __post_init__(self) -> None:
        if self.id < 0:
            raise ValueError('an id is not negative')


@dataclass(frozen=True, eq=False)
class Whole:
    items: tuple[Item, ...]
    by_name: Mapping[str, Item]
    table: np.ndarray
    path: Path
    data: bytes
    share: float | None = None
    one: Item | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


PLAIN: dict[str, Any] = {
    'items': [{'id': 1, 'color': [1, 2, 3], 'kind': 'bad'}],
    'by_name': {'a': {'id': 2, 'color': [4, 5, 6], 'kind': 'good'}},
    'table': [[1, 2], [3, 4]],
    'path': 'folder/file',
    'data': 'AP8=',
    'share': 0.5,
    'one': None,
    'facts': {'any': ['thing', {'deep': 1}]},
}


def test_there_and_back() -> None:
    whole = from_plain(Whole, PLAIN, 'the whole')
    assert whole.items == (Item(1, (1, 2, 3), Kind.BAD),)
    assert whole.by_name['a'].kind is Kind.GOOD
    assert (whole.table.dtype, whole.path) == (np.int64, Path('folder/file'))
    assert whole.data == b'\x00\xff'
    assert to_plain(whole) == PLAIN
    assert from_plain(list[int], [1, 2], 'a list') == [1, 2]


def test_what_is_left_out_has_its_default() -> None:
    few = {key: PLAIN[key] for key in ('items', 'by_name', 'table', 'path', 'data')}
    assert to_plain(from_plain(Whole, few, 'the whole')) == {**PLAIN, 'share': None, 'facts': {}}


def test_numbers_of_numpy_and_others_that_json_cannot_hold() -> None:
    given = {
        Kind.GOOD: 1,
        7: None,
        'a': np.float64(0.5),
        'b': np.arange(3),
        'c': (1, {2}),
        'd': Kind.BAD,
        'e': math.nan,
    }
    plain = to_plain(given)
    assert json.loads(json.dumps({**plain, 'e': 0})) == {
        'a': 0.5,
        'b': [0, 1, 2],
        'c': [1, [2]],
        'd': 'bad',
        'e': 0,
        'good': 1,
        '7': None,
    }
    assert type(plain['a']) is float
    assert math.isnan(plain['e'])
    text = json_text({'a': [math.nan, math.inf, 1.5], 'b': Kind.BAD, 'c': np.float32(np.nan)})
    assert json.loads(text) == {'a': [None, None, 1.5], 'b': 'bad', 'c': None}
    assert text.endswith('\n')


@given(
    st.lists(
        st.builds(
            Item,
            id=st.integers(0, 2**53),
            color=st.tuples(*[st.integers(0, 255)] * 3),
            kind=st.sampled_from(Kind),
        )
    )
)
def test_any_goes_through_json(items: list[Item]) -> None:
    text = json.dumps(to_plain(items))
    assert from_plain(list[Item], parse_json(text, 'items'), 'items') == items


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'items': 5}, 'it has 5 at items; needed is a list'),
        (
            {'items': [{'id': 'x', 'color': [1, 2, 3]}]},
            'it has "x" at items[0].id; needed is an integer',
        ),
        (
            {'items': [{'id': True, 'color': [1, 2, 3]}]},
            'has true at items[0].id; needed is an integer',
        ),
        (
            {'items': [{'id': 1.5, 'color': [1, 2, 3]}]},
            'has 1.5 at items[0].id; needed is an integer',
        ),
        (
            {'items': [{'id': 1, 'color': [1, 2]}]},
            'has [1, 2] at items[0].color; needed is a list of length 3',
        ),
        (
            {'items': [{'id': 1, 'color': [1, 'r', 2]}]},
            'has "r" at items[0].color[1]; needed is an integer',
        ),
        (
            {'items': [{'id': 1, 'color': [1, 2, 3], 'kind': 'ugly'}]},
            'it has "ugly" at items[0].kind; allowed are good, bad',
        ),
        ({'one': {'id': 1}}, "it lacks the key 'color' at one; add it"),
        ({'one': {'id': 1, 'color': [1, 2, 3], 'kind': 1}}, 'at one.kind; allowed are good, bad'),
        (
            {'by_name': {'a': {'id': 'x', 'color': [1, 2, 3]}}},
            'it has a text at by_name[...].id; needed is an integer',
        ),
        (
            {'by_name': {1: {'id': 1, 'color': [1, 2, 3]}}},
            'it has an integer among the keys at by_name; needed is a text',
        ),
        ({'one': {'id': -1, 'color': [1, 2, 3]}}, 'damaged at one (an id is not negative)'),
        ({'share': 'half'}, 'it has "half" at share; needed is a number or nothing'),
        ({'table': [[1], [2, 3]]}, 'damaged at table ('),
        ({'table': ['a']}, 'damaged at table (a table of numbers is needed)'),
        ({'table': 7}, 'damaged at table (a table of numbers is needed)'),
        ({'table': [2**70]}, 'damaged at table (a table of numbers is needed)'),
        ({'path': 7}, 'it has 7 at path; needed is a text'),
    ],
)
def test_the_error_says_where_what_is_given_and_what_is_allowed(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        from_plain(Whole, {**PLAIN, **changes}, 'it')
    assert message in str(caught.value)
    assert '\n' not in str(caught.value)


def test_something_else_altogether() -> None:
    with pytest.raises(BagError, match=r'it has \[\]; needed is a mapping'):
        from_plain(Whole, [], 'it', error=BagError)
    with pytest.raises(DataError, match="it lacks the key 'items'; add it"):
        from_plain(Whole, {}, 'it')


def test_unknown_keys_are_left_alone_or_refused() -> None:
    more = {**PLAIN, 'one': {'id': 1, 'color': [1, 2, 3], 'size': 1}}
    assert from_plain(Whole, more, 'it').one == Item(1, (1, 2, 3))
    known = r"allowed are \['color', 'id', 'kind'\]"
    with pytest.raises(DataError, match=rf"it has the unknown keys \['size'\] at one; {known}"):
        from_plain(Whole, more, 'it', only_known=True)
    deep = {**PLAIN, 'items': [*PLAIN['items'], more['one']]}
    with pytest.raises(DataError, match=r"unknown keys \['size'\] at items\[1\]"):
        from_plain(Whole, deep, 'it', only_known=True)
    assert to_plain(from_plain(Whole, PLAIN, 'it', only_known=True)) == PLAIN
    yaml = {**PLAIN, 'facts': {'x': {0: {True: 'any key'}}}}
    assert from_plain(Whole, yaml, 'it', only_known=True).facts == yaml['facts']


def test_files(tmp_path: Path) -> None:
    path = tmp_path / 'a.json'
    path.write_text('{"a": [1]}')
    assert read_json(path, 'the counts') == {'a': [1]}
    with pytest.raises(DataError, match=r'a\.json is larger than 5 bytes, .* for the counts; name'):
        read_json(path, 'the counts', max_bytes=5)
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(BagError, match=r'a\.json is not a text in UTF-8; name the counts'):
        read_json(path, 'the counts', error=BagError)
    path.write_text('{"a": ')
    with pytest.raises(DataError, match=r'a\.json \(the counts\) is not JSON \(Expecting'):
        read_json(path, 'the counts')
    with pytest.raises(DataError, match=r'b\.json cannot be read \(No such file'):
        read_json(tmp_path / 'b.json', 'the counts')
    with pytest.raises(DataError, match='it is nested too deeply'):
        parse_json('[' * 200_000, 'it')
