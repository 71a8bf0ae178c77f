# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Between which values the tensors of a network lie, seen on real frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from drivseg_ros.errors import ModelError
from drivseg_ros.model.file import INPUT_NAME


@dataclass(frozen=True, eq=False)
class Observed:
    """The smallest and largest values of a tensor.

    Attributes:
        low: float32 [frames, channels].
        high: likewise.
        positions: how many values a channel has in an image.
    """

    low: np.ndarray
    high: np.ndarray
    positions: int

    @property
    def values(self) -> int:
        """How many values the tensor has for an image."""
        return self.low.shape[1] * self.positions

    @property
    def bounds(self) -> tuple[float, float]:
        """The range to be represented, 0 in it: the mean over the frames of each one's extremes.

        The extremes of the whole set are often those of one odd frame, and cost all the others
        resolution.
        """
        low = float(self.low.min(axis=1).mean())
        high = float(self.high.max(axis=1).mean())
        return min(low, 0.0), max(high, 0.0)

    @property
    def magnitudes(self) -> np.ndarray:
        """float32 [channels]: the largest absolute value of a channel, averaged likewise."""
        return np.maximum(np.abs(self.low), np.abs(self.high)).mean(axis=0)

    def divided(self, factors: np.ndarray) -> Observed:
        """The same of the tensor with each channel divided by a positive factor."""
        return Observed(self.low / factors, self.high / factors, self.positions)


def observe(
    model: onnx.ModelProto,
    tensors: Sequence[str],
    batches: Iterable[np.ndarray],
    *,
    threads: int,
    on_frame: Callable[[int], None] = lambda done: None,
) -> dict[str, Observed]:
    """Runs frames through a network in float and notes the extremes of tensors.

    Args:
        model: the network.
        tensors: names of tensors [N, channels, ...].
        batches: uint8 [N, H, W, 3] each, at the network's size.
        threads: CPU threads.
        on_frame: called with the number of batches done.

    Raises:
        ModelError: if onnxruntime cannot run the network.
    """
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    there = {value.name for value in observed.graph.output}
    observed.graph.output.extend(
        helper.make_empty_tensor_value_info(name) for name in tensors if name not in there
    )
    session = open_session(observed, threads=threads)
    low: dict[str, list[np.ndarray]] = {name: [] for name in tensors}
    high: dict[str, list[np.ndarray]] = {name: [] for name in tensors}
    positions: dict[str, int] = {}
    for done, batch in enumerate(batches, 1):
        values = session.run(list(tensors), {INPUT_NAME: batch})
        for name, value in zip(tensors, values, strict=True):
            flat = value.reshape(*value.shape[:2], -1)
            low[name].append(flat.min(axis=(0, 2)))
            high[name].append(flat.max(axis=(0, 2)))
            positions[name] = flat.shape[2]
        on_frame(done)
    return {
        name: Observed(np.stack(low[name]), np.stack(high[name]), positions[name])
        for name in tensors
    }


def open_session(model: onnx.ModelProto, *, threads: int) -> onnxruntime.InferenceSession:
    """A graph that is in no file yet, in onnxruntime on the CPU.

    Raises:
        ModelError: if onnxruntime refuses it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=['CPUExecutionProvider']
        )
    except Exception as error:  # onnxruntime raises a class of its own for each status code
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ModelError(
            f'onnxruntime refuses the quantised network ({reason}); please report this network'
        ) from None
