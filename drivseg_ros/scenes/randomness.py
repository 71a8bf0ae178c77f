# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random numbers that are the same on every machine.

Only ``random.Random.random`` (documented as reproducible) and raw PCG64 bits are used; the
distributions of numpy may change between releases and use the machine's ``exp`` and ``log``.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar('T')


def key_number(*key: int | str) -> int:
    """Turn a key such as (seed, 'traffic') into a 128-bit number."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:16], 'big')


class Stream:
    """A stream of random numbers named by a key; other keys give independent streams."""

    def __init__(self, *key: int | str) -> None:
        self._random = random.Random(key_number(*key)).random

    def unit(self) -> float:
        """A number in [0, 1)."""
        return self._random()

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self._random()

    def integer(self, low: int, high: int) -> int:
        """A whole number in [low, high], both included."""
        return low + int(self._random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self._random() * len(items))]

    def weighted(self, items: Sequence[tuple[T, float]]) -> T:
        """One of the (item, weight) pairs' items."""
        rest = self._random() * sum(weight for _, weight in items)
        for item, weight in items:
            rest -= weight
            if rest < 0.0:
                return item
        return items[-1][0]

    def numbers(self, count: int) -> np.ndarray:
        """float64 [count] in [0, 1)."""
        return np.array([self._random() for _ in range(count)], np.float64)


def random_bytes(count: int, *key: int | str) -> np.ndarray:
    """uint8 [count] of uniformly distributed bytes."""
    words = np.random.PCG64(key_number(*key)).random_raw((count + 7) // 8)
    return words.astype('<u8').view(np.uint8)[:count]
