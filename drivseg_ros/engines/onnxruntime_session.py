# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sessions of onnxruntime that run where they were meant to, or not at all, and their buffers."""

from __future__ import annotations

import contextlib
import ctypes
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from drivseg_ros.base.gpus import Gpu, find_gpus
from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.base.library import import_library
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import CLASS_IDS_NAME, CONFIDENCE_NAME, INPUT_NAME, ModelFile

if TYPE_CHECKING:
    import onnxruntime

CPU = 'CPUExecutionProvider'
CUDA = 'CUDAExecutionProvider'
TENSORRT = 'TensorrtExecutionProvider'

Providers = list[tuple[str, dict[str, str]]]
"""What may run nodes, the first one first, each with its options."""

_LIBRARIES = {
    CUDA: 'libonnxruntime_providers_cuda.so',
    TENSORRT: 'libonnxruntime_providers_tensorrt.so',
}
_FATAL = 4  # ORT_LOGGING_LEVEL_FATAL
_WARNING = 2  # the level that the library starts with


def load_onnxruntime() -> ModuleType:
    """Imports onnxruntime.

    Raises:
        MissingDependencyError: if it is not installed.
        EngineError: if it is installed and cannot be imported.
    """
    return import_library('onnxruntime', extra='')


def has_provider(provider: str) -> bool:
    """Whether this build of onnxruntime has a provider."""
    return provider in load_onnxruntime().get_available_providers()


def open_session(
    model: ModelFile,
    providers: Providers,
    *,
    device: str,
    threads: int,
    graph: bytes | None = None,
) -> onnxruntime.InferenceSession:
    """Loads a model; the first provider must be able to start.

    Args:
        model: the model file.
        providers: the providers.
        device: our name of the device, for errors.
        threads: CPU threads.
        graph: the graph to load instead of the file's.

    Raises:
        EngineError: if onnxruntime refuses the model, or would run it on another provider.
    """
    library = load_onnxruntime()
    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads make runs several times slower when the CPUs have other work, and burn a
    # core while they wait for the next image.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    wanted = providers[0][0]
    try:
        with contextlib.nullcontext() if wanted == CPU else _cuda_libraries(library):
            session: onnxruntime.InferenceSession = library.InferenceSession(
                model.content if graph is None else graph,
                options,
                providers=providers,
                enable_fallback=0,
            )
    except Exception as error:  # onnxruntime raises a class of its own for each status code
        raise EngineError(
            f'onnxruntime cannot load {model.path} on {device}: {first_line(error)}'
            + _missing_libraries(wanted)
        ) from None
    # Else a failing run would be repeated on the CPU, with every one that follows it.
    session.disable_fallback()
    if wanted not in session.get_providers():
        raise EngineError(
            f'onnxruntime {library.__version__} could not start {wanted} on {device}'
            f'{_missing_libraries(wanted)}; install what it needs (for the pip packages: pip '
            "install 'onnxruntime-gpu[cuda,cudnn]'), or ask for device 'cpu'"
        )
    return session


def choose_gpu(device: str, provider: str, engine: str) -> Gpu:
    """The GPU that 'auto', 'cuda' or 'cuda:INDEX' means.

    Args:
        device: as the user gave it.
        provider: the provider that is to run on it.
        engine: name of the engine, for errors.

    Raises:
        EngineError: if the device is not a GPU, this build of onnxruntime lacks the provider, or
            there is no such GPU.
    """
    kind, colon, index = device.partition(':')
    if (kind != 'cuda' and device != 'auto') or (colon and not _is_number(index)):
        others = "'auto', 'cpu', 'cuda'" if provider == CUDA else "'auto', 'cuda'"
        raise EngineError(f"unknown device {device!r}; {engine} takes {others} or 'cuda:INDEX'")
    library = load_onnxruntime()
    if not has_provider(provider):
        built_in = ', '.join(library.get_available_providers())
        raise EngineError(
            f'device {device!r} was asked for, but this onnxruntime {library.__version__} has '
            f'no {provider} (it has {built_in}); pip uninstall onnxruntime, then '
            f"{pip_install('onnxruntime-gpu')}, or ask for engine 'onnxruntime' on device 'cpu'"
        )
    gpus = find_gpus()
    number = int(index or 0)
    if number >= len(gpus):
        found = ', '.join(gpu.label for gpu in gpus) or 'no NVIDIA GPU'
        raise EngineError(
            f'device {device!r} was asked for, but the driver shows {found}; install the NVIDIA '
            "driver, give this process the GPU (CUDA_VISIBLE_DEVICES), or ask for device 'cpu'"
        )
    return gpus[number]


def cuda_options(gpu: Gpu, *, exact: bool) -> tuple[str, dict[str, str]]:
    """The CUDA provider with its options.

    Args:
        gpu: the GPU to run on.
        exact: float32 is to be float32, and not TF32 with its 10 bits of mantissa.
    """
    options = {'device_id': str(gpu.index)}
    if exact and version() >= (1, 18):  # the first that knows the option
        options['use_tf32'] = '0'
    return CUDA, options


def version() -> tuple[int, ...]:
    """The version of onnxruntime, for comparisons."""
    return tuple(int(part) for part in load_onnxruntime().__version__.split('.')[:2])


def first_line(error: Exception) -> str:
    """What an error of onnxruntime says, without the rest."""
    text = str(error).strip()
    return text.splitlines()[0] if text else repr(error)


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
        value = load_onnxruntime().OrtValue
        return value.ortvalue_from_shape_and_type(shape, np.uint8, *self._device)


@contextlib.contextmanager
def _cuda_libraries(library: ModuleType) -> Iterator[None]:
    """Finds CUDA among the pip packages; keeps what onnxruntime prints about it off the console."""
    library.set_default_logger_severity(_FATAL)
    try:
        if hasattr(library, 'preload_dlls'):  # from 1.21
            with contextlib.redirect_stdout(io.StringIO()):
                library.preload_dlls()
        yield
    finally:
        library.set_default_logger_severity(_WARNING)


def _missing_libraries(provider: str) -> str:
    """Why a provider's library cannot be loaded, as the end of a sentence; '' if it can."""
    if provider not in _LIBRARIES:
        return ''
    folder = Path(str(load_onnxruntime().__file__)).parent / 'capi'
    try:
        with contextlib.suppress(OSError):
            ctypes.CDLL(str(folder / 'libonnxruntime_providers_shared.so'), ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(folder / _LIBRARIES[provider]))
    except OSError as error:
        return f' ({error})'
    return ''


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
