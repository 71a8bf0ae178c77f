# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib

import pytest

from drivseg_ros.training.split import SPLIT_RULE, Part, part_of

# Written down when the rule was made. A change of the rule would let a network be measured on
# what it was trained on.
KNOWN = {
    'b1c66a42-6f7d68ca': Part.TRAINING,
    'b1c81faa-3df17267': Part.HELD_OUT,
    'b1c81faa-c80764c5': Part.HELD_OUT,
    'b1f4491b-09593e90': Part.TRAINING,
    'b4d18d1a-00000000': Part.TRAINING,
}


@pytest.mark.parametrize(('stem', 'part'), KNOWN.items())
def test_frames_keep_their_part_for_ever(stem, part):
    assert part_of(stem) is part


def test_the_rule_in_words_is_the_rule():
    assert 'bdd100k_drivable:' in SPLIT_RULE
    for number in range(500):
        ride = f'ride{number:04d}'
        digits = hashlib.sha256(b'bdd100k_drivable:' + ride.encode()).hexdigest()[:8]
        thousandth = int(digits, 16) * 1000 // 2**32
        wanted = (
            Part.HELD_OUT if thousandth < 250
            else Part.VALIDATION if thousandth < 320
            else Part.TRAINING
        )  # fmt: skip
        assert part_of(f'{ride}-clip') is wanted
        assert part_of(ride) is wanted, 'all clips of a ride are on one side'


def test_about_a_quarter_is_held_out(shared_data):
    stems = [p.stem for p in (shared_data / 'bdd100k_drivable' / 'images').iterdir()]
    held_out = sum(part_of(stem) is Part.HELD_OUT for stem in stems)
    assert held_out == pytest.approx(len(stems) / 4, rel=0.05)
