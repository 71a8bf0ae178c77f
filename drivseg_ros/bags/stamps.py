# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""When pictures were taken: by a rate, or by a file with one time a line."""

from __future__ import annotations

import calendar
import math
import re
from decimal import Decimal
from pathlib import Path

from drivseg_ros.errors import BagError, ParameterError

DEFAULT_RATE_HZ = 10.0

_DATE = re.compile(r'(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z?')
_SECONDS = re.compile(r'\d{1,10}\.\d{1,9}')
_NANOSECONDS = re.compile(r'\d{16,19}')
_FORMS = (
    "allowed in every line: '2011-09-26 13:04:32.345808896' (UTC), seconds with a decimal point "
    "('1317042272.345') or whole nanoseconds ('1317042272345808896')"
)


def stamp_at(index: int, *, rate_hz: float, start_ns: int) -> int:
    """The stamp of a picture in a sequence of constant rate, in nanoseconds; no error adds up."""
    return start_ns + round(index * 1e9 / rate_hz)


def stamp_name(stamp_ns: int) -> str:
    """A stamp as a file's name; in the order of names, files are in the order of time."""
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    return f'{seconds}_{nanoseconds:09d}'


def check_rate(rate_hz: float) -> None:
    """Refuses a rate that cannot be one.

    Raises:
        ParameterError: if it is not more than 0 and at most 1000.
    """
    if not (math.isfinite(rate_hz) and 0 < rate_hz <= 1000):
        raise ParameterError(f'a rate of {rate_hz} Hz is not possible; more than 0, at most 1000')


def read_stamps(path: Path) -> list[int]:
    """Reads a file of times, such as KITTI raw's ``timestamps.txt`` (of a camera, or of oxts).

    KITTI's times are local times of Karlsruhe without a zone; they are taken as UTC.

    Args:
        path: a text file with one time a line; empty lines at its end do not count.

    Returns:
        Nanoseconds since 1970, strictly growing.

    Raises:
        BagError: if the file cannot be read, or a line is no time or not after the one before.
    """
    try:
        lines = path.read_text().rstrip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BagError(f"time stamps '{path}' cannot be read: {error}") from error
    stamps: list[int] = []
    for number, line in enumerate(lines, start=1):
        stamp = _parse(line.strip())
        if stamp is None:
            raise BagError(f"'{path}' line {number}: '{line.strip()[:60]}' is no time; {_FORMS}")
        if stamps and stamp <= stamps[-1]:
            raise BagError(
                f"'{path}' line {number}: {line.strip()} is not after the line before; "
                'times must grow'
            )
        stamps.append(stamp)
    if not stamps:
        raise BagError(f"time stamps '{path}' are empty; {_FORMS}")
    return stamps


def _parse(text: str) -> int | None:
    if found := _DATE.fullmatch(text):
        year, month, day, hour, minute, second = (int(g) for g in found.groups()[:6])
        in_range = year >= 1970 and 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60
        if not in_range or not 1 <= day <= calendar.monthrange(year, month)[1]:
            return None
        seconds = calendar.timegm((year, month, day, hour, minute, second))
        return seconds * 1_000_000_000 + int((found[7] or '0').ljust(9, '0'))
    if _SECONDS.fullmatch(text):
        return int(Decimal(text) * 1_000_000_000)
    if _NANOSECONDS.fullmatch(text) and int(text) < 2**63:
        return int(text)
    return None
