# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""onnxruntime on the CPU, or on the GPU where that build is installed."""

from __future__ import annotations

import numpy as np
import onnxruntime

from drivseg_ros.engines.base import EngineOptions, OnProgress, default_threads, require_onnx
from drivseg_ros.errors import EngineError
from drivseg_ros.model_file import CLASS_IDS_NAME, CONFIDENCE_NAME, INPUT_NAME, ModelFile

_PROVIDERS = {'cpu': 'CPUExecutionProvider', 'cuda': 'CUDAExecutionProvider'}


def create(model: ModelFile, options: EngineOptions, _on_progress: OnProgress) -> OnnxruntimeEngine:
    """Makes the engine; see `OnnxruntimeEngine`."""
    return OnnxruntimeEngine(model, options)


class OnnxruntimeEngine:
    """Runs a model file with onnxruntime.

    Args:
        model: the model file; its precision is what is run.
        options: device 'auto' is 'cuda' where this build of onnxruntime has it, else 'cpu'.

    Raises:
        EngineError: if the device or the precision is not to be had, or onnxruntime refuses
            the model.
    """

    name = 'onnxruntime'
    choice = ''

    def __init__(self, model: ModelFile, options: EngineOptions) -> None:
        require_onnx(model, self.name)
        self.model = model
        self.device, providers = _choose_device(options.device)
        if options.precision not in ('auto', model.card.precision):
            raise EngineError(
                f'precision {options.precision!r} was asked for; onnxruntime runs a file as it '
                f"is, and {model.path} is {model.card.precision}; ask for 'auto' or "
                f'{model.card.precision!r}, or take another file'
            )
        self.precision = model.card.precision
        self.threads = options.threads or default_threads()
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = self.threads
        session_options.inter_op_num_threads = 1
        session_options.log_severity_level = 3
        # Spinning threads make runs several times slower when the CPUs have other work
        # (shared/data/README.md), and burn a core while they wait for the next image.
        session_options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        try:
            self._session = onnxruntime.InferenceSession(
                str(model.path), session_options, providers=providers
            )
        except Exception as error:  # onnxruntime raises a class of its own for each status code
            raise EngineError(
                f'onnxruntime cannot load {model.path} on {self.device}: {_first_line(error)}'
            ) from None
        wanted = providers[0] if isinstance(providers[0], str) else providers[0][0]
        if wanted not in self._session.get_providers():
            raise EngineError(
                f'onnxruntime could not start {wanted} for device {self.device!r} (its libraries '
                f'or driver are missing), and would have used {self._session.get_providers()}; '
                "install them, or ask for device 'cpu'"
            )

    def infer(self, batch: np.ndarray, *, confidence: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Runs the network; see `Engine.infer`."""
        outputs = [CLASS_IDS_NAME]
        if confidence and self.model.has_confidence:
            outputs.append(CONFIDENCE_NAME)
        try:
            results = self._session.run(outputs, {INPUT_NAME: batch})
        except Exception as error:  # as above
            raise EngineError(f'onnxruntime failed: {_first_line(error)}') from None
        return results[0], results[1] if len(results) > 1 else None

    def close(self) -> None:
        """Frees the session."""
        del self._session


def _choose_device(device: str) -> tuple[str, list[str | tuple[str, dict[str, str]]]]:
    """The device by its full name, and onnxruntime's providers for it."""
    available = [d for d, p in _PROVIDERS.items() if p in onnxruntime.get_available_providers()]
    kind, _, index = device.partition(':')
    if device == 'auto':
        kind = 'cuda' if 'cuda' in available else 'cpu'
    if kind not in _PROVIDERS or (index and (kind == 'cpu' or not index.isdigit())):
        raise EngineError(
            f"unknown device {device!r}; onnxruntime takes 'auto', 'cpu', 'cuda' or 'cuda:INDEX'"
        )
    if kind not in available:
        raise EngineError(
            f'device {device!r} was asked for, but this onnxruntime {onnxruntime.__version__} has '
            f"only {', '.join(available)}; install onnxruntime-gpu, or ask for 'auto' or 'cpu'"
        )
    if kind == 'cpu':
        return 'cpu', [_PROVIDERS['cpu']]
    index = index or '0'
    # What CUDA has no kernel for runs on the CPU by onnxruntime's own design.
    return f'cuda:{index}', [(_PROVIDERS['cuda'], {'device_id': index}), _PROVIDERS['cpu']]


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else repr(error)
