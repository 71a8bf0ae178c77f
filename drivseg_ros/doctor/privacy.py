# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A page that people paste into public bug reports names nobody."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from drivseg_ros.doctor.finding import Finding, Section

# Folders whose next part is the name of a user.
_OF_USERS = re.compile(r'(?<![\w.~-])/(?:home|Users|export/home)/[^/\s:,;)\'"]+')
_MEDIA = re.compile(r'(?<![\w.~-])(/(?:run/)?media/)[^/\s:,;)\'"]+')


def mask(text: str, *, home: Path | None = None) -> str:
    """The text with home folders as ~ and without names of users."""
    home = _home() if home is None else home
    if home is not None and len(home.parts) > 1:
        text = re.sub(rf'(?<![\w.~-]){re.escape(str(home))}(?![\w.-])', '~', text)
    return _MEDIA.sub(r'\1USER', _OF_USERS.sub('~', text))


def mask_section(section: Section) -> Section:
    """The section with every text masked."""
    return Section(section.title, tuple(_mask_finding(finding) for finding in section.findings))


def _mask_finding(finding: Finding) -> Finding:
    return dataclasses.replace(
        finding,
        value=mask(finding.value),
        advice=mask(finding.advice),
        data={name: _mask_value(value) for name, value in finding.data.items()},
    )


def _mask_value(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, (list, tuple)):
        return [_mask_value(item) for item in value]
    return value


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a user whom the system does not know, as in some containers
        return None
