# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Text files from outside, which may be anything, and of any size."""

from __future__ import annotations

from pathlib import Path

from drivseg_ros.errors import DataError, DrivsegError


def read_text(
    path: Path, what: str, *, max_bytes: int, error: type[DrivsegError] = DataError
) -> str:
    """The text of a file.

    Args:
        path: the file, in UTF-8.
        what: what it should be, for the error: 'a label map'.
        max_bytes: a larger file is refused.
        error: the kind of error.

    Raises:
        DataError: or the error asked for, if it cannot be read, is too large, or is no text.
    """
    try:
        with path.open('rb') as file:
            data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise error(
                f'{path} is larger than {max_bytes} bytes, which is too much for {what}; name the '
                'right file'
            )
        return data.decode('utf-8')
    except OSError as refusal:
        raise error(f'{path} cannot be read ({refusal.strerror}); name {what}') from None
    except UnicodeDecodeError:
        raise error(f'{path} is not a text in UTF-8; name {what}') from None
