# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One bag of many, evaluated in a process of its own (`python -m` this module)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drivseg_ros.base.child import OnNote, serve
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.notes import none_processed
from drivseg_ros.evaluation.request import EvaluationRequest, open_evaluation
from drivseg_ros.evaluation.sink import SinkRecipe


@dataclass(frozen=True)
class BagRequest:
    """What a worker is asked for.

    Attributes:
        asked: the bag and what to count.
        command: the command line, for the report.
        sink: what else is made of the frames; None for nothing.
    """

    asked: EvaluationRequest
    command: str
    sink: SinkRecipe | None = None


def handle(request: BagRequest, note: OnNote) -> dict[str, Any]:
    """Evaluates a bag.

    Args:
        request: which one.
        note: called with {'terms', 'frames'} when the bag is open, and then with {'done': frames}.

    Returns:
        content (what `evaluation_file.describe` gives) and sink (what its `export` gives).

    Raises:
        DrivsegError: if it cannot be evaluated, or none of its frames could be processed.
    """
    sink = None if request.sink is None else request.sink.make()
    with open_evaluation(request.asked) as opened:
        note({'terms': opened.terms, 'frames': len(opened.source)})
        found = opened.run(
            sinks=() if sink is None else (sink,),
            on_frame=lambda done, total: note({'done': done}),
        )
    if not found.counts.processed:
        raise DataError(none_processed(found))
    return {
        'content': describe(found, command=request.command),
        'sink': None if sink is None else sink.export(),
    }


if __name__ == '__main__':
    serve(handle, BagRequest)
