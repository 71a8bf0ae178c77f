# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of an evaluation that is done: its frames and its network are opened once more."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.evaluation_request import EvaluationRequest, open_asked, open_network
from drivseg_ros.evaluation.evaluation_result import EvaluationResult
from drivseg_ros.evaluation.frame_source import FrameSource
from drivseg_ros.evaluation.html.pictures import FramePicture, draw_pictures
from drivseg_ros.evaluation.measures import extreme_rows

COUNT = 5
"""So many of the worst and of the best frames."""


@dataclass(frozen=True, eq=False)
class DrawnFrames:
    """Pictures, and what could not be drawn.

    Attributes:
        pictures: the worst frames first.
        missing: bags that are not to be had here any more, a sentence each: a bag may lie on
            another machine of the cluster that judged it.
    """

    pictures: tuple[FramePicture, ...]
    missing: tuple[str, ...]


def draw_requested(result: EvaluationResult, requests: Sequence[EvaluationRequest]) -> DrawnFrames:
    """Draws the worst and the best frames.

    A live run's masks are made again by the same network; they are the same (docs/evaluating.md).

    Args:
        result: what was found.
        requests: those of its parts, in their order.

    Raises:
        DrivsegError: if the network is not to be had, or a frame is another one now.
    """
    shown = extreme_rows(result, COUNT)
    parts = {row.part for rows in shown.values() for row, _ in rows}
    missing = []
    with ExitStack() as stack:
        segmenter = open_network(requests[0], stack)
        card = None if segmenter is None else segmenter.card
        sources: list[FrameSource | None] = []
        for part, request in enumerate(requests):
            source = None
            if part in parts:
                try:
                    source = open_asked(request, card).source
                except DrivsegError as error:
                    missing.append(f'no pictures of {request.frames}: {error}')
            sources.append(source)
        pictures = draw_pictures(result, sources, segmenter, count=COUNT)
    return DrawnFrames(tuple(pictures), tuple(missing))
