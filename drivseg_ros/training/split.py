# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which labelled frames a network is trained on: a rule on file names, the same for ever.

BDD100K names a frame `<ride>-<clip>`. All frames of a ride fall on the same side, so that no
street is seen in training and asked for in the test. The rule needs no list of files: a frame
keeps its side whatever else lies in the folder.
"""

from __future__ import annotations

import enum
import hashlib

SPLIT_RULE = (
    'x = the first 8 hex digits of sha256("bdd100k_drivable:" + ride) / 2^32, where ride is the '
    'part of the file name before the first "-"; x < 0.25: held out; 0.25 <= x < 0.32: '
    'validation; else: training'
)
"""The rule in words, as model cards quote it."""

HELD_OUT_SHARE = 0.25
VALIDATION_SHARE = 0.07


class Part(str, enum.Enum):
    """What a labelled frame is for."""

    TRAINING = 'training'
    VALIDATION = 'validation'
    """Looked at during training, to see how it goes."""
    HELD_OUT = 'held out'
    """Looked at once, when the network is finished; its figures go on the card."""


def part_of(stem: str) -> Part:
    """The part a frame belongs to, by its file name without folder and suffix."""
    ride = stem.split('-', 1)[0]
    digest = hashlib.sha256(f'bdd100k_drivable:{ride}'.encode()).hexdigest()
    x = int(digest[:8], 16) / 2**32
    if x < HELD_OUT_SHARE:
        return Part.HELD_OUT
    if x < HELD_OUT_SHARE + VALIDATION_SHARE:
        return Part.VALIDATION
    return Part.TRAINING
