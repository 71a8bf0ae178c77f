# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs of an onnxruntime session with input and outputs in buffers on its device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnxruntime

from drivseg_ros.model.file import CLASS_IDS_NAME, CONFIDENCE_NAME, INPUT_NAME, ModelFile


@dataclass(frozen=True)
class _Run:
    binding: onnxruntime.IOBinding
    image: onnxruntime.OrtValue
    outputs: tuple[onnxruntime.OrtValue, ...]


class BufferedSession:
    """A session and its buffers: one upload, one run, one download for each output.

    The buffers are allocated once for each batch size and kind of run.

    Args:
        session: the session.
        model: the model it runs.
        device: onnxruntime's name of the device, 'cuda' or 'cpu'.
        number: of the device.
    """

    def __init__(
        self, session: onnxruntime.InferenceSession, model: ModelFile, device: str, number: int
    ) -> None:
        self._session = session
        self._model = model
        self._device = (device, number)
        self._runs: dict[tuple[int, bool], _Run] = {}

    def run(self, batch: np.ndarray, *, confidence: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Runs the network.

        Args:
            batch: uint8 [N, H, W, 3].
            confidence: whether the confidence is wanted; the model must have it.

        Returns:
            class_ids uint8 [N, H, W], and the confidence likewise or None.

        Raises:
            ValueError: if the batch does not fit into the buffers, which onnxruntime leaves
                unchecked.
            Exception: whatever onnxruntime raises.
        """
        card = self._model.card
        if batch.shape[1:] != (card.input_height, card.input_width, 3) or batch.dtype != np.uint8:
            raise ValueError(
                f'a batch is {batch.dtype} of shape {batch.shape}; it must be uint8 of shape '
                f'(N, {card.input_height}, {card.input_width}, 3)'
            )
        key = (len(batch), confidence)
        if key not in self._runs:
            self._runs[key] = self._allocate(*key)
        run = self._runs[key]
        run.image.update_inplace(np.ascontiguousarray(batch))
        self._session.run_with_iobinding(run.binding)
        results = [output.numpy() for output in run.outputs]
        return results[0], results[1] if confidence else None

    def close(self) -> None:
        """Frees the buffers and the session."""
        self._runs.clear()
        del self._session

    def _allocate(self, size: int, confidence: bool) -> _Run:
        card = self._model.card
        shape = (size, card.input_height, card.input_width)
        binding = self._session.io_binding()
        image = self._buffer((*shape, 3))
        binding.bind_ortvalue_input(INPUT_NAME, image)
        outputs = []
        for name in (CLASS_IDS_NAME, *([CONFIDENCE_NAME] if confidence else [])):
            outputs.append(self._buffer(shape))
            binding.bind_ortvalue_output(name, outputs[-1])
        return _Run(binding=binding, image=image, outputs=tuple(outputs))

    def _buffer(self, shape: tuple[int, ...]) -> onnxruntime.OrtValue:
        return onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, np.uint8, *self._device)
