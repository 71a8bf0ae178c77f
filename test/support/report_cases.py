# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluations to be shown as pages: one that fills every section, with names meant to do harm."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
from evaluation_cases import random_pair, result_of

from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.evaluation.comparison import describe_baseline
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.gate import Check
from drivseg_ros.evaluation.live.times import LiveTimes
from drivseg_ros.evaluation.live.usage import EVERYBODY, UsageSeries
from drivseg_ros.evaluation.measured import Mode
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.settings import BootstrapSettings, EvaluationSettings
from drivseg_ros.frames.matching import Matching, areas_of
from drivseg_ros.images.codec import encode_jpeg
from drivseg_ros.model.card import ModelClass, Role
from drivseg_ros.report.page.chosen_frames import ChosenFrame
from drivseg_ros.report.page.pictures import FramePicture, Pictures

HOSTILE = (
    '</title><script>window.hacked = 1</script>"\'><img src="https://example.invalid/x" '
    "onerror='window.hacked = 1'>&amp;{{ 7 * 7 }}\u202e" + 'x' * 120
)
"""A name as nobody gives one in good faith; without a place to break, too."""

FRAMES = 12
RED, GREEN = (200, 30, 30), (30, 200, 30)
"""The image and the overlay of a picture."""


def hostile_result() -> Evaluation:
    """Two bags played to the node, with all that an evaluation can have."""
    classes = (
        ModelClass(0, HOSTILE, (46, 204, 113), Role.DIRECT),
        ModelClass(1, 'alternative', (52, 152, 219), Role.ALTERNATIVE),
        ModelClass(2, 'background', (0, 0, 0)),
    )
    settings = EvaluationSettings(sequence=True, bootstrap=BootstrapSettings(draws=100))
    matching = Matching(classes, classes, areas_of(classes))
    bags = []
    for place, name in enumerate((HOSTILE, 'second')):
        pairs = [random_pair(100 * place + seed) for seed in range(FRAMES)]
        one = result_of(
            pairs, matching=matching, settings=settings, confidence=True, name=f'{name} {place}'
        )
        (part,) = one.parts
        counts = FrameCounts(FRAMES + 3, FRAMES, 2, 1, failed_by_kind={'jpeg': 1}, last_error='x')
        live = LiveTimes(
            1.0,
            tuple((i / 20, 0.3, 40 + 7.0 * i if i < FRAMES else None) for i in range(FRAMES + 4)),
            lost_before_node=1,
            lost_after_node=0,
            stages={'infer': ((20.0, 31.0),), 'total': ((30.0, 44.0),)},
            usage=UsageSeries(((0.1, 120.0, 400.0, 30.0, 900.0), (0.6, 131.0, 401.0, 35.0, 900.0)),
                              EVERYBODY),
            node={HOSTILE: HOSTILE},
        )  # fmt: skip
        part = dataclasses.replace(
            part,
            source={'given': name, 'resampled_by': 'frame', 'kind': 'bag', 'labels': HOSTILE},
            ledger=counts,
            failures={HOSTILE: HOSTILE},
            interrupted=bool(place),
            live=live,
        )
        network = {'model': HOSTILE, 'file': HOSTILE, 'sha256': 'a' * 64, 'engine': 'none'}
        weather = {'weather': HOSTILE if place else 'rain'}
        rows = tuple(dataclasses.replace(row, attributes=weather) for row in one.rows)
        bags.append(
            dataclasses.replace(one, mode=Mode.LIVE, parts=(part,), network=network, rows=rows)
        )
    return bags[0].merge(bags[1])


def hostile_content() -> dict[str, Any]:
    """What is written of it, held against a baseline of the same labels."""
    result = hostile_result()
    content = describe(result, command=f'drivseg {HOSTILE}', broken={HOSTILE: HOSTILE})
    content['baseline'] = describe_baseline(HOSTILE, hostile_baseline(), result)
    return content


def hostile_baseline() -> Evaluation:
    """The same, had every frame been found a little better."""
    result = hostile_result()
    rows = []
    for row in result.rows:
        table = row.sums.table.copy()
        table[0, 0] += table[0, 1]
        table[0, 1] = 0
        rows.append(dataclasses.replace(row, sums=dataclasses.replace(row.sums, table=table)))
    return dataclasses.replace(result, rows=tuple(rows))


def hostile_checks() -> list[Check]:
    """One kept, one broken."""
    return [
        Check('every frame could be read', False, '2 of 30 frames failed', (HOSTILE,)),
        Check(HOSTILE, True, HOSTILE, (), True),
    ]


def plain_picture(name: str = HOSTILE, which: str = 'worst', part: int = 0) -> FramePicture:
    """A red image and a green overlay of 320x180."""

    def plane(color: tuple[int, int, int]) -> np.ndarray:
        return np.full((180, 320, 3), color, np.uint8)

    png = cv2.imencode('.png', plane((1, 2, 3)))[1].tobytes()
    image, overlay = (encode_jpeg(plane(color)) for color in (RED, GREEN))
    before = 0.75 if which == 'worse' else None
    chosen = ChosenFrame(which, part, name, 'miou', 0.5, before)
    files = {'image': image, 'overlay': overlay, 'label': png, 'prediction': png}
    files['difference'] = image
    if before is not None:
        files |= {'was_prediction': png, 'was_difference': image}
    return FramePicture(chosen, Pictures(320, 180, files))
