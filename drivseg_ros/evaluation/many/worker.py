# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One bag of many, evaluated in a process of its own (`python -m` this module)."""

from __future__ import annotations

from typing import Any

from drivseg_ros.base.child import OnNote, serve
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.evaluation_request import EvaluationRequest, open_evaluation


def handle(request: dict[str, Any], note: OnNote) -> dict[str, Any]:
    """Evaluates a bag.

    Args:
        request: asked (of EvaluationRequest), command (the command line).
        note: called with {'terms', 'frames'} when the bag is open, and then with
            {'done': frames}.

    Returns:
        What `evaluation_file.describe` gives.
    """
    with open_evaluation(EvaluationRequest.from_dict(request['asked'])) as opened:
        note(
            {
                'terms': opened.terms.to_dict(),
                'frames': len(opened.frames.source),
            }
        )
        result = opened.run(lambda done, total: note({'done': done}))
    return describe(result, command=request['command'])


if __name__ == '__main__':
    serve(handle)
