# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the page: one HTML file with its pictures, style and script inside.

Names of frames, paths and messages come from bags and files of other people. Jinja2 escapes every
text, numbers go through numbers.py, and the page itself forbids the browser to load anything or to
run another script than ours.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.base.json_data import from_plain
from drivseg_ros.base.whole_file import write_whole
from drivseg_ros.errors import DataError, MissingDependencyError
from drivseg_ros.evaluation.gate import Check
from drivseg_ros.evaluation.titles import evaluation_title, part_title
from drivseg_ros.frames.matching import Matching
from drivseg_ros.report.page import charts, facts, numbers, tables
from drivseg_ros.report.page.baseline import changes, main_changes
from drivseg_ros.report.page.difference import COLORS, UNLABELLED_COLOR, area
from drivseg_ros.report.page.matrix import matrix
from drivseg_ros.report.page.pictures import FramePicture

try:
    from jinja2 import Environment, PackageLoader, StrictUndefined
except ImportError:
    raise MissingDependencyError(
        f'the page needs Jinja2, which is not installed: {install_hint("report")}'
    ) from None


def write_page(
    path: Path,
    content: Mapping[str, Any],
    checks: Sequence[Check] | None = None,
    pictures: Sequence[FramePicture] = (),
    remarks: Sequence[str] = (),
) -> None:
    """Writes an evaluation as a page that needs no other file and no network.

    Args:
        path: an .html; its folder is made.
        content: what `evaluation_file.describe` gave.
        checks: the limits it was held to; None takes those in the content.
        pictures: what `draw_pictures` gave.
        remarks: why pictures are not there, sentences.

    Raises:
        DataError: if the content is something else, or the file cannot be written.
    """
    write_whole(path, render(content, checks, pictures, remarks))


def render(
    content: Mapping[str, Any],
    checks: Sequence[Check] | None = None,
    pictures: Sequence[FramePicture] = (),
    remarks: Sequence[str] = (),
) -> str:
    """The page's text; see `write_page`."""
    environment = Environment(
        loader=PackageLoader('drivseg_ros.report.page'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        'percent': numbers.percent,
        'color': numbers.color,
        'data_uri': numbers.data_uri,
    }
    script = environment.get_template('slider.js').render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    try:
        if checks is None:
            checks = [Check(**one) for one in content.get('checks', ())]
        values = _values(content, checks)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f'this evaluation cannot be shown ({error!r}); make it again with this version'
        ) from None
    return environment.get_template('report.html').render(
        script=script,
        style=environment.get_template('style.css').render(),
        script_hash=f'sha256-{digest}',
        pictures=pictures,
        remarks=remarks,
        **values,
    )


def _values(content: Mapping[str, Any], checks: Sequence[Check]) -> dict[str, Any]:
    made, given = evaluation_title(content)
    broken = content.get('broken') or ()
    matching = from_plain(Matching, content['classes'], 'this evaluation')
    asked = area(matching)
    return {
        'made': made,
        'given': given,
        'created': str(content['created']),
        'runtime': facts.runtime(content['network']),
        'command': str(content['command']),
        'version': str(content['versions'].get('drivseg_ros', '')),
        'verdict': facts.verdict(checks, broken),
        'checks': sorted(checks, key=lambda check: check.passed),
        'broken': [(str(one['given']), str(one['message'])) for one in broken],
        'labelled': bool(content['labels_sha256']),
        'tiles': tables.tiles(content, main_changes(content)),
        'changes': changes(content),
        'classes': tables.class_table(content),
        'matrix': matrix(content, matching),
        'accuracy': charts.accuracy_chart(content),
        'frames': tables.frame_table(content),
        'stages': tables.stages(content),
        'time_charts': charts.time_charts(content),
        'live_facts': facts.live_facts(content),
        'ledger': facts.ledger(content),
        'slices': tables.slice_table(content, 'slices'),
        'distance': tables.slice_table(content, 'distance'),
        'calibration': charts.calibration_chart(content['reliability']),
        'reliability': tables.reliability_table(content),
        'parts': tables.part_table(content),
        'part_titles': [part_title(part) for part in content['parts']],
        'configuration': facts.configuration(content),
        'sources': facts.sources(content),
        'notes': content['notes'],
        'legend': dict.fromkeys(
            (str(c['name']), numbers.color(c['color']))
            for whose in ('truth', 'network')
            for c in content['classes'][whose]
        ),
        'unlabelled': numbers.color(UNLABELLED_COLOR),
        'differences': [
            (kind.name.lower(), numbers.color(channels)) for kind, channels in COLORS.items()
        ],
        'area': None if asked is None else asked.name.replace('_', ' '),
    }
