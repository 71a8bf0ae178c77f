# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The examination as plain text, narrow enough for a terminal and a bug report."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from drivseg_ros.doctor.examination import Examination
from drivseg_ros.doctor.finding import Finding, Level

_WIDTH = 100
_MARKS = {Level.OK: '   ', Level.NOTE: ' * ', Level.PROBLEM: '!! '}


def lines(examination: Examination) -> Iterator[tuple[str, Level]]:
    """The lines of the page, each with the level of its finding."""
    for section in examination.sections:
        yield section.title, Level.OK
        for finding in section.findings:
            for line in _finding_lines(finding):
                yield line, finding.level
        yield '', Level.OK
    notes, problems = examination.count(Level.NOTE), examination.count(Level.PROBLEM)
    counted = f'{problems} problem{"" if problems == 1 else "s"} (!!), {notes} notes (*).'
    if examination.works:
        yield f'The default network works on this machine. {counted}', Level.OK
    else:
        yield f'The default network does not work on this machine. {counted}', Level.PROBLEM


def page(examination: Examination) -> str:
    """The whole page."""
    return '\n'.join(line for line, _ in lines(examination)) + '\n'


def _finding_lines(finding: Finding) -> Iterator[str]:
    mark = _MARKS[finding.level]
    yield from textwrap.wrap(
        f'{finding.name}: {finding.value}',
        width=_WIDTH,
        initial_indent=mark,
        subsequent_indent='       ',
        break_long_words=False,
        break_on_hyphens=False,
    )
    if finding.advice:
        yield from textwrap.wrap(
            finding.advice,
            width=_WIDTH,
            initial_indent='     > ',
            subsequent_indent='       ',
            break_long_words=False,
            break_on_hyphens=False,
        )
