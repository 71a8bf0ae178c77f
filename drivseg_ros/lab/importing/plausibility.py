# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether an output holds what the card says it holds.

Taking logits for probabilities, or the other way round, mostly leaves the classes right and always
spoils the confidence, so that nobody would notice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.card import Activation, OutputSpec

_ROUNDING = 0.02


def check_values(spec: OutputSpec, name: str, values: np.ndarray, path: Path) -> None:
    """Refuses an output whose values contradict its activation in the card.

    Args:
        spec: what the card says of it.
        name: of the output.
        values: what the network gave for images of noise, [N, C, H, W] or by the spec's layout.
        path: of the network.

    Raises:
        ModelError: if probabilities are not within 0 to 1, or the logits of a softmax are
            probabilities already.
    """
    low, high = float(values.min()), float(values.max())
    between = low >= -_ROUNDING and high <= 1 + _ROUNDING
    if spec.activation is Activation.PROBABILITIES and not between:
        raise ModelError(
            f'{path}: its output {name!r} has values from {low:.3g} to {high:.3g}, and the import '
            'card takes them for probabilities; write softmax (one channel: sigmoid) if they are '
            'logits'
        )
    if spec.activation is Activation.SOFTMAX and between and values.ndim == 4:
        sums = values.astype(np.float32).sum(axis=spec.layout.value.index('c'))
        if np.allclose(sums, 1, rtol=0, atol=_ROUNDING):
            raise ModelError(
                f'{path}: its output {name!r} holds probabilities already, and the import card '
                'takes them for logits; write probabilities'
            )
