# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from drivseg_ros.frames.folder import CLASS_LISTS
from drivseg_ros.frames.registry import KINDS

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'datasets.md'

pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason='the tests run without a checkout')


def sections():
    kinds = PAGE.read_text().split('## The kinds')[1].split('\n## ')[0]
    return dict(re.findall(r'^### (\w+)\n(.*?)(?=^### |\Z)', kinds, re.DOTALL | re.MULTILINE))


def test_the_page_knows_every_kind_and_no_other():
    assert list(sections()) == list(KINDS)


@pytest.mark.parametrize('kind', KINDS.values(), ids=lambda kind: kind.name)
def test_the_page_names_the_options_of_a_kind(kind):
    told = sections()[kind.name].partition('Options:')[2]
    own = [
        p.name
        for p in inspect.signature(kind.open).parameters.values()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    assert set(own) <= set(re.findall(r'`(\w+)`', told))
    assert bool(told) == bool(own)


def test_the_page_names_the_known_classes():
    assert set(CLASS_LISTS) <= set(re.findall(r'`(\w+)`', sections()['folder']))
