# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Memory, streams and graphs of an NVIDIA GPU, through NVIDIA's own Python bindings.

The functions are those of the CUDA runtime API
(https://docs.nvidia.com/cuda/cuda-runtime-api/); the bindings return (error, results...).
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import EngineError, MissingDependencyError


def select_device(index: int) -> None:
    """Makes a GPU the one that this thread uses.

    Raises:
        MissingDependencyError: if the bindings are missing.
        EngineError: if the GPU is not available.
    """
    _call('cudaSetDevice', index, doing=f'taking cuda:{index}')


class CudaStream:
    """A stream of work on one GPU, with the memory it works on; all of it is freed by `close`.

    It is used by one thread at a time, which may be any.

    Args:
        index: of the GPU.

    Raises:
        MissingDependencyError: if the bindings are missing.
        EngineError: if the GPU is not available.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self._owned = contextlib.ExitStack()
        self.activate()
        self._stream = self._own('cudaStreamCreateWithFlags', _runtime().cudaStreamNonBlocking,
                                 free='cudaStreamDestroy', doing='making a stream')  # fmt: skip

    @property
    def handle(self) -> int:
        """The stream as a number."""
        return int(self._stream)

    def activate(self) -> None:
        """Makes the stream's GPU the one that this thread uses."""
        select_device(self.index)

    def allocate(self, size: int) -> int:
        """The address of so many bytes of GPU memory.

        Raises:
            EngineError: if memory ran out.
        """
        return int(
            self._own('cudaMalloc', size, free='cudaFree', doing=f'allocating {size / 1e6:.1f} MB')
        )

    def allocate_pinned(self, shape: tuple[int, ...]) -> np.ndarray:
        """A uint8 array in page-locked memory of the host, from which copies are fastest.

        Raises:
            EngineError: if memory ran out.
        """
        size = int(np.prod(shape))
        address = self._own(
            'cudaMallocHost', size, free='cudaFreeHost',
            doing=f'allocating {size / 1e6:.1f} MB of page-locked memory',
        )  # fmt: skip
        buffer = (ctypes.c_uint8 * size).from_address(int(address))
        return np.ctypeslib.as_array(buffer).reshape(shape)

    def upload(self, address: int, array: np.ndarray) -> None:
        """Asks for a copy of a contiguous array to the GPU."""
        kind = _runtime().cudaMemcpyKind.cudaMemcpyHostToDevice
        self._copy(address, array.ctypes.data, array.nbytes, kind, 'uploading')

    def download(self, array: np.ndarray, address: int) -> None:
        """Asks for a copy from the GPU into a contiguous array."""
        kind = _runtime().cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._copy(array.ctypes.data, address, array.nbytes, kind, 'downloading')

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Records the work once as a CUDA graph.

        Args:
            work: asks for work on this stream, and does nothing else.

        Returns:
            A function that asks for all of the work in one call.
        """
        # Only what this thread asks for is recorded; other threads may use the GPU meanwhile.
        mode = _runtime().cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        _call('cudaStreamBeginCapture', self._stream, mode, doing='recording')
        try:
            work()
        finally:
            graph = _call('cudaStreamEndCapture', self._stream, doing='recording')
        try:
            executable = self._own(
                'cudaGraphInstantiate', graph, 0, free='cudaGraphExecDestroy', doing='recording'
            )
        finally:
            _call('cudaGraphDestroy', graph, doing='recording')

        def launch() -> None:
            _call('cudaGraphLaunch', executable, self._stream, doing='running')

        return launch

    def wait(self) -> None:
        """Waits until all work asked for is done.

        Raises:
            EngineError: if some of it failed.
        """
        _call('cudaStreamSynchronize', self._stream, doing='running')

    def close(self) -> None:
        """Frees everything; the arrays of `allocate_pinned` must not be touched afterwards."""
        with contextlib.suppress(EngineError):
            self.activate()
        self._owned.close()

    def _copy(self, to: int, source: int, size: int, kind: Any, doing: str) -> None:
        _call('cudaMemcpyAsync', to, source, size, kind, self._stream, doing=doing)

    def _own(self, make: str, *arguments: Any, free: str, doing: str) -> Any:
        made = _call(make, *arguments, doing=f'{doing} on cuda:{self.index}')
        # A failure to free leaves nothing to be done, and must not hide the first error.
        self._owned.callback(getattr(_runtime(), free), made)
        return made


def _runtime() -> Any:
    try:
        from cuda.bindings import runtime
    except ImportError as error:
        raise MissingDependencyError(
            f'the CUDA bindings for Python cannot be imported ({error}): '
            f'{install_hint("tensorrt")} (or [tensorrt-rtx])'
        ) from None
    return runtime


def _call(name: str, *arguments: Any, doing: str) -> Any:
    runtime = _runtime()
    error, *results = getattr(runtime, name)(*arguments)
    codes = runtime.cudaError_t
    if error == codes.cudaSuccess:
        return results[0] if results else None
    if error == codes.cudaErrorMemoryAllocation:
        raise EngineError(
            f'{doing} failed: the memory of the GPU ran out; end other programs on it, take a '
            'smaller largest batch, or another precision'
        )
    _, text = runtime.cudaGetErrorString(error)
    raise EngineError(f'{doing} failed: {text.decode()} ({error.name})')
