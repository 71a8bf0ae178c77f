# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One bag of many, evaluated in a process of its own (`python -m` this module)."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from drivseg_ros.base.workers import Tell, serve
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.evaluation_request import EvaluationRequest, open_evaluation

PARENT_VARIABLE = 'DRIVSEG_PARENT_PID'
"""The process without which this one has no purpose."""
_LOOK_S = 0.5


def handle(request: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Evaluates a bag.

    Args:
        request: asked (of EvaluationRequest), command (the command line).
        tell: called with {'terms', 'frames'} when the bag is open, and then with
            {'done': frames}.

    Returns:
        What `evaluation_file.describe` gives.
    """
    with open_evaluation(EvaluationRequest.from_dict(request['asked'])) as opened:
        tell(
            {
                'terms': opened.terms.to_dict(),
                'frames': len(opened.frames.source),
            }
        )
        result = opened.run(lambda done, total: tell({'done': done}))
    return describe(result, command=request['command'])


def _end_with(parent: int) -> None:
    # The pipe tells of the parent's end as well, but nobody listens to it during the work.
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


if __name__ == '__main__':
    threading.Thread(
        target=_end_with, args=(int(os.environ[PARENT_VARIABLE]),), daemon=True
    ).start()
    serve(handle)
