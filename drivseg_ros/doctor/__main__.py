# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m drivseg_ros.doctor`: the page of `drivseg doctor`, for when that cannot start."""

from __future__ import annotations

import sys

from drivseg_ros.base.program import run_program
from drivseg_ros.doctor.examination import examine
from drivseg_ros.doctor.page import page


def main() -> None:
    """Prints the page; the exit status is 1 if the default network does not work."""
    run_program('drivseg doctor', _begin)


def _begin() -> None:
    examination = examine()
    sys.stdout.write(page(examination))
    sys.exit(0 if examination.works else 1)


if __name__ == '__main__':
    main()
