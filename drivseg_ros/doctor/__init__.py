# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What this machine can run, what to install for the rest, and what is wrong with it.

Nothing here needs more than Python to be imported: each check imports what it looks at by itself.
"""

from drivseg_ros.doctor.examination import Examination, examine
from drivseg_ros.doctor.finding import Finding, Level, Section

__all__ = ['Examination', 'Finding', 'Level', 'Section', 'examine']
