# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers as they stand on the page; what is no number is refused, so none can be markup."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from drivseg_ros.evaluation.metric import Unit

NOTHING = '–'


def percent(share: Any, digits: int = 2) -> str:
    """A share in percent; a dash where it is not defined."""
    return NOTHING if share is None else f'{100 * float(share):.{digits}f}'


def with_unit(value: Any, unit: Unit) -> str:
    """A metric's value: a share in percent, all else with three digits."""
    return f'{percent(value)} %' if unit is Unit.SHARE else f'{decimal(value)}{unit.suffix}'


def interval(metric: Mapping[str, Any]) -> str:
    """The ends of a metric's interval in percent; '' where there is none."""
    if metric['low'] is None or metric['high'] is None:
        return ''
    return f'{percent(metric["low"], 1)} to {percent(metric["high"], 1)}'


def signed(number: Any, digits: int = 2) -> str:
    """A change, with a sign as wide as a digit and no sign before nothing."""
    text = f'{float(number):+.{digits}f}'
    return text.lstrip('+-') if not float(text) else text.replace('-', '\N{MINUS SIGN}')


def decimal(value: Any) -> str:
    """A time or a size with three digits, and more only before the point."""
    if value is None:
        return NOTHING
    number = float(value)
    digits = sum(abs(number) < limit for limit in (100, 10, 1))
    return f'{number:.{digits}f}' if number else '0'


def count(number: Any) -> str:
    """A whole number in groups of three digits."""
    return NOTHING if number is None else f'{int(number):,}'


def color(channels: Any) -> str:
    """A colour for CSS from red, green and blue."""
    red, green, blue = (int(channel) for channel in channels)
    return f'rgb({red} {green} {blue})'


def data_uri(data: bytes) -> str:
    """A JPEG or PNG as an address that holds it."""
    kind = 'png' if data.startswith(b'\x89PNG') else 'jpeg'
    return f'data:image/{kind};base64,{base64.b64encode(data).decode()}'
