# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checks as JUnit XML, which continuous integration shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from drivseg_ros.evaluation.gate import Check
from drivseg_ros.evaluation.metric import MetricValue

_SUITE = 'drivseg evaluate'
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
# All but the characters that XML 1.0 can hold.
_FORBIDDEN = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


def junit_xml(checks: Sequence[Check], metrics: Mapping[str, MetricValue], *, title: str) -> str:
    """The text of the file.

    Args:
        checks: a test case each.
        metrics: kept as properties of the suite.
        title: what was evaluated, and on what. It is the class of the test cases: servers that show
            several files take cases of one class and one name for the same.
    """
    failed = sum(not check.passed for check in checks)
    attributes = {'name': _SUITE, 'tests': str(len(checks)), 'failures': str(failed), 'errors': '0'}
    root = ElementTree.Element('testsuites', attributes)
    tests = ElementTree.SubElement(root, 'testsuite', attributes | {'skipped': '0', 'time': '0'})
    properties = ElementTree.SubElement(tests, 'properties')
    for name, one in metrics.items():
        if one.value is not None:
            ElementTree.SubElement(
                properties, 'property', {'name': _plain(name), 'value': f'{one.value:.6f}'}
            )
    for check in checks:
        names = {'classname': _plain(title), 'name': _plain(check.title), 'time': '0'}
        case = ElementTree.SubElement(tests, 'testcase', names)
        lines = _plain('\n'.join([check.message, *check.frames]))
        if check.passed:
            ElementTree.SubElement(case, 'system-out').text = lines
        else:
            failure = {'type': 'broken', 'message': _plain(check.message)}
            ElementTree.SubElement(case, 'failure', failure).text = lines
    ElementTree.indent(root)
    # ElementTree's own declaration names the locale's encoding in Python 3.10.
    return f'{_DECLARATION}\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _plain(text: str) -> str:
    return _FORBIDDEN.sub('', text)
