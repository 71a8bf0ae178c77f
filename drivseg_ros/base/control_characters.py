# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Text for a terminal that holds names of others: of topics in bags, of files, of classes."""

from __future__ import annotations

_CONTROLS = {
    code: f'\\x{code:02x}' for code in (*range(32), *range(127, 160)) if chr(code) not in '\n\t'
}


def shown(text: str) -> str:
    """The text with control characters as escapes, where a terminal would do what they say.

    Ends of lines and tabulators stay.
    """
    return text.translate(_CONTROLS)
