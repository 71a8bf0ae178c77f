# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs graphs in onnxruntime and compares what they give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime

from drivseg_ros.errors import ModelError

_LONG = 400
_TOLERANCE = 2e-3
"""Of the largest value: kernels add up in other orders, and fp16 has 11 bits."""


class Runner:
    """A graph on onnxruntime's CPU provider.

    Args:
        model: the graph.
        what: how a sentence calls it.
        threads: CPU threads; 0 leaves the choice to onnxruntime.

    Raises:
        ModelError: if onnxruntime refuses it.
    """

    def __init__(self, model: onnx.ModelProto, what: str, *, threads: int = 0) -> None:
        self._what = what
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        self._session = self._try(
            lambda: onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=['CPUExecutionProvider']
            )
        )

    def run(self, feeds: dict[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        """The outputs for some inputs.

        Raises:
            ModelError: if onnxruntime fails.
        """
        return self._try(lambda: self._session.run(list(outputs), feeds))

    def _try(self, action):  # type: ignore[no-untyped-def]
        try:
            return action()
        except Exception as error:  # onnxruntime raises a class of its own for each status code
            reason = ' '.join(str(error).split())
            if len(reason) > _LONG:  # it begins with the places in the source, and ends with what
                reason = f'{reason[: _LONG // 3]} … {reason[-_LONG * 2 // 3 :]}'
            raise ModelError(
                f'onnxruntime cannot run {self._what} ({reason}); export the network again, '
                'simpler or with another opset'
            ) from None


def same(given: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> bool:
    """Whether two runs gave the same, but for rounding."""
    for a, b in zip(given, wanted, strict=True):
        if a.shape != b.shape:
            return False
        if not np.issubdtype(b.dtype, np.floating):
            # Of class ids a few may differ where two classes are level.
            if (a != b).mean() > 1e-3:
                return False
            continue
        limit = _TOLERANCE * max(1e-6, float(np.abs(b).max()))
        if not np.allclose(a, b, rtol=0, atol=limit, equal_nan=True):
            return False
    return True
