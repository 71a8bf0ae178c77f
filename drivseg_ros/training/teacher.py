# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A second opinion on where one may drive, from TwinLiteNet (trained on all of BDD100K)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from drivseg_ros.errors import ModelError


class TwinLiteNet:
    """Che et al., "TwinLiteNet", 2023, as its authors' ONNX export has it.

    Args:
        path: The .onnx file: input [1, 3, 360, 640] RGB / 255, output `da` [1, 2, 360, 640].
        threads: Of onnxruntime.

    Raises:
        ModelError: If the file is missing.
    """

    def __init__(self, path: Path, *, threads: int = 2) -> None:
        if not path.is_file():
            raise ModelError(f'no network at {path}; give the path of twinlitenet.onnx')
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=['CPUExecutionProvider']
        )
        self._input = self._session.get_inputs()[0].name

    def drivable(self, image: np.ndarray) -> np.ndarray:
        """Where one may drive, bool [H, W], of an image uint8 [H, W, 3] RGB."""
        small = cv2.resize(image, (640, 360), interpolation=cv2.INTER_LINEAR)
        batch = np.ascontiguousarray(small.transpose(2, 0, 1)[None], dtype=np.float32) / 255
        logits = self._session.run(['da'], {self._input: batch})[0][0]
        mask = (logits[1] > logits[0]).astype(np.uint8)
        size = (image.shape[1], image.shape[0])
        return cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT).astype(bool)
