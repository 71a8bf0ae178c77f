# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One bag of many, evaluated in a process of its own (`python -m` this module)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drivseg_ros.base.child import OnNote, serve
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.evaluation_request import EvaluationRequest, open_evaluation


@dataclass(frozen=True)
class BagRequest:
    """What a worker is asked for.

    Attributes:
        asked: the bag and what to count.
        command: the command line, for the report.
    """

    asked: EvaluationRequest
    command: str


def handle(request: BagRequest, note: OnNote) -> dict[str, Any]:
    """Evaluates a bag.

    Args:
        request: which one.
        note: called with {'terms', 'frames'} when the bag is open, and then with
            {'done': frames}.

    Returns:
        What `evaluation_file.describe` gives.
    """
    with open_evaluation(request.asked) as opened:
        note(
            {
                'terms': opened.terms,
                'frames': len(opened.frames),
            }
        )
        result = opened.run(lambda done, total: note({'done': done}))
    return describe(result, command=request.command)


if __name__ == '__main__':
    serve(handle, BagRequest)
