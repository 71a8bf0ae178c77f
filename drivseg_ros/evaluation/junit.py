# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checks as JUnit XML, which continuous integration shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from drivseg_ros.evaluation.gate import Check
from drivseg_ros.evaluation.measures import Measure

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'


def junit_xml(
    checks: Sequence[Check], figures: Mapping[str, Measure], *, suite: str = 'drivseg evaluate'
) -> str:
    """The text of the file.

    Args:
        checks: a test case each.
        figures: kept as properties of the suite.
        suite: its name.
    """
    failed = sum(not check.passed for check in checks)
    attributes = {'name': suite, 'tests': str(len(checks)), 'failures': str(failed), 'errors': '0'}
    root = ElementTree.Element('testsuites', attributes)
    tests = ElementTree.SubElement(root, 'testsuite', attributes | {'skipped': '0', 'time': '0'})
    properties = ElementTree.SubElement(tests, 'properties')
    for name, measure in figures.items():
        if measure.value is not None:
            ElementTree.SubElement(
                properties, 'property', {'name': name, 'value': f'{measure.value:.6f}'}
            )
    for check in checks:
        case = ElementTree.SubElement(
            tests, 'testcase', {'classname': suite, 'name': check.title, 'time': '0'}
        )
        lines = _plain('\n'.join([check.message, *check.frames]))
        if check.passed:
            ElementTree.SubElement(case, 'system-out').text = lines
        else:
            failure = ElementTree.SubElement(case, 'failure', {'message': _plain(check.message)})
            failure.text = lines
    ElementTree.indent(root)
    # ElementTree's own declaration names the locale's encoding in Python 3.10.
    return f'{_DECLARATION}\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _plain(text: str) -> str:
    """Without the control characters that XML 1.0 cannot hold."""
    return ''.join(c for c in text if c in '\n\t' or c >= ' ')
