# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which BDD100K frames the shipped networks were not trained on, as their recipes divide them."""

from __future__ import annotations

from drivseg_ros.frames.split import Part, stable_part

SHARES = {Part.HELD_OUT: 0.25, Part.VALIDATION: 0.07, Part.TRAINING: 0.68}
SEED = 'bdd100k_drivable'
RULE = (
    'x = the first 8 hex digits of sha256("bdd100k_drivable:" + ride) / 2^32, where ride is the '
    'part of the file name before the first "-"; x < 0.25: held out; 0.25 <= x < 0.32: '
    'validation; else: training'
)
"""As the first network's card quotes it."""


def part_of(stem: str) -> Part:
    return stable_part(stem.split('-', 1)[0], SHARES, SEED)
