# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The page's text: every metric is on it, tags fit, nothing of others is markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_cases import BDD100K, classes, random_pair, result_of
from report_cases import HOSTILE, hostile_checks, hostile_content, plain_picture

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.gate import Check
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.frames.matching import Area, Matching

pytest.importorskip('jinja2', reason="Jinja2 is not installed: pip install '.[report]'")

from drivseg_ros.report.page.numbers import decimal
from drivseg_ros.report.page.render import render, write_page

_EMPTY = {'meta', 'link', 'br', 'img', 'input', 'path', 'rect'}


class Tags(HTMLParser):
    """Opens and closes; the parser is the standard library's."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] not in ('script', 'style'):
            self.texts.append(data.strip())

    def all(self, name: str) -> list[str]:
        return [value or '' for _, attribute, value in self.attributes if attribute == name]

    def ids(self) -> list[str]:
        """All but those of the markers of charts."""
        return [one for one in self.all('id') if not re.fullmatch('m[0-9a-f]{10}', one)]


def simple_content(**options: Any) -> dict[str, Any]:
    return describe(result_of([random_pair(seed) for seed in range(6)], **options))


def test_an_evaluation_in_which_every_value_is_0_gives_a_page() -> None:
    """A chart has no scale then."""
    label, mask = np.ones((24, 32), np.uint8), np.zeros((24, 32), np.uint8)
    settings = EvaluationSettings(sequence=True)
    content = describe(result_of([(label, mask)] * 6, settings=settings))
    assert content['metrics']['miou']['value'] == 0
    page = render(content)
    assert Tags(page).texts
    assert 'nan' not in page.lower().replace('nano', '')


def test_every_section_is_there() -> None:
    content = hostile_content()
    page = Tags(render(content, hostile_checks(), [plain_picture()]))
    ids = set(page.ids())
    assert ids == {
        'verdict',
        'baseline',
        'classes',
        'time',
        'ledger',
        'slices',
        'calibration',
        'pictures',
        'worst',
        'how',
    }
    linked = {href[1:] for href in page.all('href') if href.startswith('#')}
    assert linked == ids - {'verdict', 'worst'}
    text = '\n'.join(page.texts)
    for words in (
        'Failed', '1 of 2 checks broken, 1 bag not evaluated.', 'Confusion matrix',
        'Message to mask', 'Age of the newest mask', 'frames processed', 'CPU of the node',
        'in the node',
        'GPU memory of all processes', 'weather=rain', 'Not evaluated',
        '30 offered = 24 processed + 4 dropped + 2 failed',
        '32 played = 30 offered to the node + 2 lost before it', 'second', 'a' * 64,
        content['labels_sha256'], content['versions']['numpy'],
    ):  # fmt: skip
        assert words in text, words


def test_metrics_are_those_of_the_content() -> None:
    content = simple_content(confidence=True)
    texts = Tags(render(content)).texts
    for name, one in content['metrics'].items():
        if one['value'] is not None:
            assert any(t.startswith(f'{100 * one["value"]:.2f}') for t in texts), name
    for row in content['confusion_matrix']['pixels']:
        for number in row:
            assert f'{number:,}' in texts
            assert f'{100 * number / sum(row):.1f}' in texts
    for frame in content['frames']:
        assert frame['name'] in texts
        assert f'{100 * frame["metrics"]["miou"]:.2f}' in texts


def test_the_baseline_stands_beside() -> None:
    content = hostile_content()
    pictures = [plain_picture('bad frame', 'worse'), plain_picture('other', 'worst')]
    page = Tags(render(content, hostile_checks(), pictures, ['a remark']))
    document = content['baseline']
    one = document['metrics']['miou']
    for share in (one['before'], one['after']):
        assert f'{100 * share:.2f}' in page.texts
    change = f'{100 * (one["after"] - one["before"]):.2f}'.replace('-', '\N{MINUS SIGN}')
    assert change in page.texts
    assert f'baseline {100 * one["before"]:.2f} ({change})' in page.texts
    assert '#worse' in page.all('href')
    assert 'worse' in page.texts
    count = document['frames']['worse']
    assert count == 24
    assert any(f'{count} frames are worse than in the baseline, 0 better' in t for t in page.texts)
    for frame in document['frames']['worst']:
        assert f'{100 * frame["before"]:.1f}' in page.texts
    assert 'Worse than in the baseline' in page.texts
    assert 'Worst of the others' in page.texts
    assert 'a remark' in page.texts
    alts = page.all('alt')
    assert "bad frame: baseline's prediction" in alts
    assert "other: baseline's prediction" not in alts


def test_without_intervals_and_without_worse_frames_there_is_less_to_show() -> None:
    content = hostile_content()
    for one in content['baseline']['metrics'].values():
        one |= {'low': None, 'high': None}
    content['baseline']['frames'] |= {'worse': 0, 'worst': []}
    page = Tags(render(content))
    assert '95 % of draws' not in page.texts
    assert 'Frames that became worse' not in page.all('aria-label')
    assert any('0 frames are worse than in the baseline' in text for text in page.texts)


def test_no_line_joins_two_bags() -> None:
    settings = EvaluationSettings(sequence=True)
    bags = [result_of([random_pair(10 * k + i) for i in range(5)], settings=settings, name=f'{k}')
            for k in range(3)]  # fmt: skip
    text = render(describe(bags[0].merge(*bags[1:])))
    (chart,) = re.findall('<figure class="chart wide">(.*?)</figure>', text, re.DOTALL)
    lines = re.findall(r'<path d="([^"]*)" style="fill: none; stroke: var\(--first\)', chart)
    joined = [[stroke.count('L') for stroke in line.split('M')[1:]] for line in lines]
    assert joined[0] == [4, 4, 4]
    assert chart.count('stroke: var(--soft)') == 2


@pytest.mark.parametrize(
    ('value', 'text'),
    [(None, '–'), (0, '0'), (0.1, '0.100'), (1.414, '1.41'), (17, '17.0'), (116.4, '116')],
)
def test_times_have_three_digits(value: float | None, text: str) -> None:
    assert decimal(value) == text


def test_what_is_broken_stands_first() -> None:
    checks = [Check('kept one', True, 'x', (), True), Check('broken one', False, 'x', (), True)]
    texts = Tags(render(simple_content(), checks)).texts
    assert texts.index('broken one') < texts.index('kept one')


def test_cells_are_right_by_the_class_or_else_by_the_role() -> None:
    road_only = Matching(
        classes('other', 'road:drivable'), classes('a:direct', 'b', 'c:road'), (Area.ROAD,)
    )
    pairs = [random_pair(seed, truth=2) for seed in range(3)]
    for matching, expected in (
        (BDD100K, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        (road_only, [[0, 1, 0], [1, 0, 1]]),
    ):
        content = describe(result_of(pairs, matching=matching))
        found = re.findall(r'<td( class="right")? style="--share', render(content))
        assert found == [' class="right"' * right for row in expected for right in row]


@pytest.mark.parametrize(
    ('checks', 'words'),
    [
        ([], 'No limits were set'),
        ([Check('every frame could be read', True, 'x')], 'No limits were set'),
        ([Check('f', True, 'x'), Check('miou at least 3', True, 'x', (), True)], 'Passed'),
        ([Check('f', True, 'x'), Check('miou at least 3', False, 'x', (), True)], 'Failed'),
        ([Check('every frame could be read', False, 'x')], 'Failed'),
    ],
)
def test_the_verdict(checks: list[Check], words: str) -> None:
    content = simple_content()
    assert words in Tags(render(content, checks)).texts
    # Those in the content are taken where none are given.
    content['checks'] = [vars(check) for check in checks]
    assert words in Tags(render(content)).texts


def test_sections_that_have_nothing_are_left_out() -> None:
    pairs = [random_pair(seed) for seed in range(3)]
    settings = EvaluationSettings(bands=1, sequence=True, boundary=0)
    ids = Tags(render(describe(result_of(pairs, settings=settings)))).ids()
    assert ids == ['verdict', 'classes', 'time', 'ledger', 'how']


def test_it_points_nowhere() -> None:
    text = render(hostile_content(), hostile_checks(), [plain_picture()])
    page = Tags(text)
    addresses = page.all('src') + page.all('href')
    assert all(a.startswith(('data:', '#')) for a in addresses)
    assert not [a for _, a, _ in page.attributes if a.startswith('on')]
    assert 'url(' not in text
    assert '@import' not in text
    # The browser may run our script alone.
    (policy,) = [value for value in page.all('content') if 'script-src' in value]
    script = re.findall('<script>(.*?)</script>', text, re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert HOSTILE in page.texts


def _set(*path: Any, value: Any) -> dict[str, Any]:
    content = json.loads(json.dumps(hostile_content()))
    at = content
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return content


@pytest.mark.parametrize(
    'content',
    [
        {},
        _set('metrics', 'miou', 'value', value='<b>'),
        _set('confusion_matrix', 'pixels', 0, 0, value='<b>'),
        _set('frames', 0, 'part', value=9),
        _set('frames', 0, 'metrics', 'miou', value='x'),
        _set('times', 'frames', 0, value=['"', '<']),
        _set('times', 'frames', 0, value=[float('nan'), 1]),
        _set('times', 'frames', 0, value=[0, float('inf')]),
        _set('live', 'played', value='<b>'),
        _set('ledger', 'offered', value=None),
        _set('reliability', 0, 'low', value='<b>'),
        _set('parts', 0, 'ledger', 'offered', value='<b>'),
        _set('slices', value=[{'name': 1}]),
        _set('checks', value=[{'title': 'x'}]),
        _set('settings', 'bootstrap', value=7),
        _set('baseline', value=7),
        _set('baseline', 'metrics', 'miou', 'before', value='<b>'),
        _set('baseline', 'frames', 'worse', value='<b>'),
        _set('baseline', 'frames', 'worst', 0, 'part', value=9),
    ],
)
def test_numbers_that_are_none_are_refused(content: dict[str, Any]) -> None:
    with pytest.raises(DataError, match='cannot be shown'):
        render(content)


def test_colors_that_are_none_are_refused() -> None:
    with pytest.raises(DataError, match=r'at truth\[0\].color\[0\]; needed is an integer'):
        render(_set('classes', 'truth', 0, 'color', value=['0); background: url(x', 0, 0]))


def test_the_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'page.html'
    pictures = [plain_picture(f'frame {i}') for i in range(10)]
    write_page(path, hostile_content(), hostile_checks(), pictures)
    text = path.read_text(encoding='utf-8')
    assert text.startswith('<!DOCTYPE html>')
    assert [p.name for p in path.parent.iterdir()] == ['page.html']
    with pytest.raises(DataError, match='cannot be written'):
        write_page(path / 'x.html', hostile_content())
