# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All checks, and the page they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import drivseg_ros
from drivseg_ros.base.json_data import to_plain
from drivseg_ros.doctor.finding import Finding, Level, Section
from drivseg_ros.doctor.libraries import check_libraries
from drivseg_ros.doctor.machine import check_machine
from drivseg_ros.doctor.models import check_models
from drivseg_ros.doctor.privacy import mask_section
from drivseg_ros.doctor.ros import check_ros
from drivseg_ros.doctor.transport import check_transport
from drivseg_ros.doctor.trial import check_engines


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes:
        sections: the findings, in the order of the page.
    """

    sections: tuple[Section, ...]

    @property
    def findings(self) -> Iterator[Finding]:
        """All findings."""
        for section in self.sections:
            yield from section.findings

    @property
    def works(self) -> bool:
        """Whether the default network on the default engine works."""
        return not any(finding.stops for finding in self.findings)

    def count(self, level: Level) -> int:
        """How many findings there are of a level."""
        return sum(finding.level is level for finding in self.findings)

    def describe(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            'drivseg_ros': drivseg_ros.__version__,
            'works': self.works,
            **to_plain(self),
        }


def examine(
    *, self_test: bool = True, on_step: Callable[[str], None] = lambda _: None
) -> Examination:
    """Looks at everything; nothing that is missing or odd makes it fail.

    Args:
        self_test: whether to run each engine on a frame, which takes some seconds.
        on_step: called with what is being done.
    """
    on_step('looking around')
    sections = [
        check_machine(),
        check_libraries(),
        check_ros(),
        check_transport(),
        check_models(),
        check_engines(self_test=self_test, on_step=on_step),
    ]
    return Examination(tuple(mask_section(s) for s in sections if s.findings))
