# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What was found, how bad it is, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Level(str, Enum):
    """How bad a finding is."""

    OK = 'ok'
    NOTE = 'note'
    """Worth knowing; nothing that is there is broken."""
    PROBLEM = 'problem'
    """Something that is there, or was asked for, does not work."""


@dataclass(frozen=True)
class Finding:
    """One line of the page.

    Attributes:
        name: what was looked at.
        value: what was found.
        level: how bad it is.
        advice: what to do about it; a problem has one.
        stops: whether the default network on the default engine cannot run because of it.
        data: the same as numbers and texts, for machines.
    """

    name: str
    value: str
    level: Level = Level.OK
    advice: str = ''
    stops: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.level is Level.PROBLEM and not self.advice:
            raise ValueError(f'the problem {self.name!r} ({self.value}) says not what to do')
        if self.stops and self.level is not Level.PROBLEM:
            raise ValueError(f'{self.name!r} stops the default way and is no problem')


@dataclass(frozen=True)
class Section:
    """Findings that belong together."""

    title: str
    findings: tuple[Finding, ...]


def note(name: str, value: str, advice: str = '', **more: Any) -> Finding:
    """A finding that is worth knowing."""
    return Finding(name, value, Level.NOTE, advice, **more)


def problem(name: str, value: str, advice: str, **more: Any) -> Finding:
    """A finding that is wrong."""
    return Finding(name, value, Level.PROBLEM, advice, **more)


Check = Callable[[], Iterable[Finding]]


def run_checks(title: str, checks: Mapping[str, Check]) -> Section:
    """Runs checks of a section; one that fails is a note, and the others go on.

    Args:
        title: of the section.
        checks: by the name that a failed one has on the page.
    """
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            findings += check()
        except Exception as error:  # whatever an odd machine brings about
            text = ' '.join(str(error).split())
            findings.append(note(name, f'not to be found out ({type(error).__name__}: {text})'))
    return Section(title, tuple(findings))
