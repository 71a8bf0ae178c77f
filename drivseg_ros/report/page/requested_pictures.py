# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of an evaluation that is done: its frames and its network are opened once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from drivseg_ros.errors import DrivsegError, ModelError
from drivseg_ros.evaluation.evaluation_request import EvaluationRequest, open_asked, open_network
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.model.store import find_model
from drivseg_ros.report.page.chosen_frames import choose_frames
from drivseg_ros.report.page.pictures import FramePicture, draw_pictures
from drivseg_ros.segmenter import Segmenter

COUNT = 5
"""So many of each kind: of those that became worse, of the worst, of the best."""


@dataclass(frozen=True, eq=False)
class DrawnFrames:
    """Pictures, and what could not be drawn.

    Attributes:
        pictures: in the order of `choose_frames`.
        missing: what is not to be had here any more, a sentence each: a bag may lie on another
            machine of the cluster that judged it, the baseline's network may be another file now.
    """

    pictures: tuple[FramePicture, ...]
    missing: tuple[str, ...]


def draw_requested(
    result: Evaluation,
    requests: Sequence[EvaluationRequest],
    baseline: Mapping[str, Any] | None = None,
) -> DrawnFrames:
    """Draws the frames that became worse, the worst and the best frames.

    A live run's masks are made again by the same network; they are the same (docs/evaluating.md).

    Args:
        result: what was found.
        requests: those of its parts, in their order.
        baseline: what `describe_baseline` gave, if there is one.

    Raises:
        DrivsegError: if the network is not to be had, or a frame is another one now.
    """
    chosen = choose_frames(result, COUNT, baseline)
    parts = {one.part for one in chosen}
    missing = []
    with ExitStack() as stack:
        segmenter = open_network(requests[0], stack)
        card = None if segmenter is None else segmenter.card
        sources: list[FrameSource | None] = []
        for part, request in enumerate(requests):
            source = None
            if part in parts:
                try:
                    source = open_asked(request, card)
                except DrivsegError as error:
                    missing.append(f'no pictures of {request.frames}: {error}')
            sources.append(source)
        earlier = None
        if baseline is not None and any(one.which == 'worse' for one in chosen):
            try:
                earlier = _open_earlier(baseline['network'], result.network, stack)
            except DrivsegError as error:
                missing.append(f"the baseline's masks are not shown: {error}")
        pictures = draw_pictures(
            result, sources, segmenter, count=COUNT, baseline=baseline, earlier=earlier
        )
    return DrawnFrames(tuple(pictures), tuple(missing))


def _open_earlier(
    network: Mapping[str, Any], now: Mapping[str, Any], stack: ExitStack
) -> Segmenter | None:
    """The baseline's network on its engine; None where the masks are the same, or nobody's of ours.

    Raises:
        DrivsegError: if the file is gone or another one, or the engine is not to be had.
    """
    keys = ('sha256', 'engine', 'device', 'precision')
    if 'masks' in network or all(network.get(key) == now.get(key) for key in keys):
        return None
    file = str(network.get('file'))
    if find_model(file).sha256 != network.get('sha256'):
        raise ModelError(f'{file} is another model now')
    return stack.enter_context(
        Segmenter.open(
            file,
            engine=str(network['engine']),
            device=str(network['device']),
            precision=str(network['precision']),
        )
    )
