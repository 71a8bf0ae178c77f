# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames are for training and which for measuring: rules that never change their answer.

All frames of a drive fall on the same side, so that no street is seen in training and asked for in
the test. Sets that come without parts of their own go by `split`, which meets the shares as well as
the drives allow, or by `stable_part`, which needs no list of the other frames.
"""

from __future__ import annotations

import enum
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from drivseg_ros.errors import DataError, ParameterError


class Part(str, enum.Enum):
    """What a labelled frame is for."""

    TRAINING = 'training'
    VALIDATION = 'validation'
    """Looked at during training, to see how it goes."""
    HELD_OUT = 'held out'
    """Looked at once, when the network is finished; its metrics go on the card."""
    TEST = 'test'
    """A part of that name that the authors of a data set made; to be used like held out."""


_ALIASES = {
    'train': Part.TRAINING,
    'val': Part.VALIDATION,
    'held_out': Part.HELD_OUT,
    'held-out': Part.HELD_OUT,
    'testing': Part.TEST,
}

DEFAULT_SHARES: Mapping[Part, float] = {
    Part.TRAINING: 0.8,
    Part.VALIDATION: 0.1,
    Part.HELD_OUT: 0.1,
}
"""The parts of sets whose authors made none."""


def part_named(name: str | Part) -> Part:
    """A part by its name: training (train), validation (val), held out (held_out), test.

    Raises:
        ParameterError: If no part has this name.
    """
    text = str(name.value if isinstance(name, Part) else name).strip().lower()
    if text in _ALIASES:
        return _ALIASES[text]
    try:
        return Part(text)
    except ValueError:
        raise ParameterError(
            f'there is no part {name!r}; the parts are {", ".join(p.value for p in Part)} '
            f'(also {", ".join(_ALIASES)})'
        ) from None


def stable_part(drive: str, shares: Mapping[Part, float], seed: int | str) -> Part:
    """The part of a drive by its name alone: it stays the same whatever else is in the folder.

    With x = the first 8 hex digits of sha256("SEED:DRIVE") / 2^32, the parts follow each other
    from 0 to 1 with their shares as widths; x falls into one of them. So the shares are met
    roughly, and the better the more drives there are.

    Args:
        drive: The drive's name.
        shares: Share of each part, in all 1; their order matters.
        seed: Another seed is another division.

    Raises:
        ParameterError: If the shares are not positive or not 1 in all.
    """
    _check_shares(shares)
    x = int(hashlib.sha256(f'{seed}:{drive}'.encode()).hexdigest()[:8], 16) / 2**32
    end = 0.0
    for part, share in shares.items():
        end += share
        if x < end:
            return part
    return part


def split(
    names: Sequence[str],
    shares: Mapping[Part, float] = DEFAULT_SHARES,
    *,
    seed: int | str = 0,
    group_of: Callable[[str], str] = lambda name: name,
) -> dict[Part, tuple[str, ...]]:
    """Divide frames so that the parts have these shares and no group is in two of them.

    The groups come in an order that the seed and their names alone decide; each goes to the part
    that lacks most. The answer depends on which names there are, not on their order.

    Args:
        names: The frames' names, each once.
        shares: Share of each part, in all 1.
        seed: Another seed is another division.
        group_of: The group (drive) of a frame.

    Returns:
        The names of each part, in the order given.

    Raises:
        ParameterError: If the shares are not positive or not 1 in all.
        DataError: If there are too few groups for a part to get one.
    """
    _check_shares(shares)
    sizes = Counter(group_of(name) for name in names)
    lack = {part: share * len(names) for part, share in shares.items()}
    side: dict[str, Part] = {}
    for group in sorted(sizes, key=lambda g: hashlib.sha256(f'{seed}:{g}'.encode()).digest()):
        part = max(lack, key=lambda p: lack[p])
        side[group] = part
        lack[part] -= sizes[group]
    parts = {part: tuple(n for n in names if side[group_of(n)] is part) for part in shares}
    empty = [part.value for part, found in parts.items() if not found]
    if empty:
        raise DataError(
            f'{len(names)} frames of {len(sizes)} drives leave nothing for {empty} with the shares '
            f'{_words(shares)}; give larger shares or more drives'
        )
    return parts


def _check_shares(shares: Mapping[Part, float]) -> None:
    if not shares or any(not 0 < s <= 1 for s in shares.values()):
        raise ParameterError(f'the shares {_words(shares)} must each be above 0 and at most 1')
    if not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
        raise ParameterError(f'the shares {_words(shares)} must be 1 in all')


def _words(shares: Mapping[Part, float]) -> str:
    return ', '.join(f'{part.value} {share:g}' for part, share in shares.items())
