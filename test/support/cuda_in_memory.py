# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CUDA and TensorRT as far as the engine uses them, in the host's memory.

No GPU is needed to see that every byte is copied to where it belongs, that a graph does what was
recorded, and that everything is freed. The rules of the originals are kept: an address must lie
in memory that was allocated, work that is recorded is not done, and a graph must not be launched
after its context was changed. It computes what tiny_model computes.
"""

# The names are those of CUDA.
# ruff: noqa: N801, N815

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

OUT_OF_MEMORY = 'no more memory'


class cudaError_t(enum.Enum):
    """The codes that are used."""

    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2


OK = cudaError_t.cudaSuccess


class CudaInMemory:
    """The functions of cuda.bindings.runtime.

    Args:
        allocations: how many succeed before memory runs out.
    """

    cudaError_t = cudaError_t
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)
    cudaStreamNonBlocking = 1

    def __init__(self, allocations: int = 1000) -> None:
        self.left = allocations
        self.memory: dict[int, Any] = {}
        self.handles: dict[int, list[Callable[[], None]]] = {}
        self.recording: list[Callable[[], None]] | None = None
        self.launches = 0

    @property
    def is_empty(self) -> bool:
        """Whether everything has been freed."""
        return not self.memory and not self.handles

    def check(self, address: int, size: int) -> None:
        """Fails if the bytes were not allocated."""
        assert any(a <= address and address + size <= a + len(b) for a, b in self.memory.items())

    def submit(self, work: Callable[[], None]) -> None:
        """Does the work, or records it."""
        if self.recording is None:
            work()
        else:
            self.recording.append(work)

    def cudaGetErrorString(self, error: cudaError_t) -> tuple[cudaError_t, bytes]:
        return OK, error.name.encode()

    def cudaSetDevice(self, index: int) -> tuple[cudaError_t]:
        return (OK if index == 0 else cudaError_t.cudaErrorInvalidValue,)

    def cudaMalloc(self, size: int) -> tuple[cudaError_t, int | None]:
        if self.left == 0:
            return cudaError_t.cudaErrorMemoryAllocation, None
        self.left -= 1
        buffer = (ctypes.c_uint8 * size)()
        address = ctypes.addressof(buffer)
        self.memory[address] = buffer
        return OK, address

    cudaMallocHost = cudaMalloc

    def cudaFree(self, address: int) -> tuple[cudaError_t]:
        del self.memory[address]
        return (OK,)

    cudaFreeHost = cudaFree

    def _new(self, content: list[Callable[[], None]]) -> tuple[cudaError_t, int]:
        handle = max(self.handles, default=0) + 1
        self.handles[handle] = content
        return OK, handle

    def cudaStreamCreateWithFlags(self, flags: int) -> tuple[cudaError_t, int]:
        assert flags == self.cudaStreamNonBlocking
        return self._new([])

    def _destroy(self, handle: int) -> tuple[cudaError_t]:
        del self.handles[handle]
        return (OK,)

    cudaStreamDestroy = cudaGraphDestroy = cudaGraphExecDestroy = _destroy

    def cudaStreamSynchronize(self, stream: int) -> tuple[cudaError_t]:
        assert stream in self.handles
        assert self.recording is None, 'a stream that records cannot be waited for'
        return (OK,)

    def cudaMemcpyAsync(
        self, to: int, source: int, size: int, kind: int, stream: int
    ) -> tuple[cudaError_t]:
        assert stream in self.handles
        assert kind in (1, 2)
        self.check(to, size)
        self.check(source, size)
        self.submit(lambda: ctypes.memmove(to, source, size))
        return (OK,)

    def cudaStreamBeginCapture(self, stream: int, mode: int) -> tuple[cudaError_t]:
        assert self.recording is None
        self.recording = []
        return (OK,)

    def cudaStreamEndCapture(self, stream: int) -> tuple[cudaError_t, int]:
        assert self.recording is not None
        recorded, self.recording = self.recording, None
        return self._new(recorded)

    def cudaGraphInstantiate(self, graph: int, flags: int) -> tuple[cudaError_t, int]:
        return self._new(list(self.handles[graph]))

    def cudaGraphLaunch(self, graph: int, stream: int) -> tuple[cudaError_t]:
        assert stream in self.handles
        self.launches += 1
        for work in self.handles[graph]:
            work()
        return (OK,)


class ContextInMemory:
    """An execution context."""

    def __init__(self, cuda: CudaInMemory, scratch_size: int) -> None:
        self._cuda = cuda
        self._scratch_size = scratch_size
        self._addresses: dict[str, int] = {}
        self._shape: tuple[int, ...] = ()
        self._changes = 0
        self._has_scratch = False

    def set_device_memory(self, address: int, size: int) -> None:
        self._cuda.check(address, size)
        self._has_scratch = size >= self._scratch_size

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shape = shape
        self._changes += 1
        return name == 'image'

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        self._changes += 1
        return name in ('image', 'class_ids', 'confidence')

    def execute_async_v3(self, stream: int) -> bool:
        if not self._has_scratch or not self._shape:
            return False
        now = self._changes

        def compute() -> None:
            assert self._changes == now, 'the context was changed after the graph was recorded'
            image = self._array('image', self._shape)
            self._array('class_ids', self._shape[:-1])[:] = image.argmax(-1)
            if 'confidence' in self._addresses:
                self._array('confidence', self._shape[:-1])[:] = image.max(-1)

        self._cuda.submit(compute)
        return True

    def _array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        size = int(np.prod(shape))
        self._cuda.check(self._addresses[name], size)
        buffer = (ctypes.c_uint8 * size).from_address(self._addresses[name])
        return np.ctypeslib.as_array(buffer).reshape(shape)


def tensorrt_in_memory(cuda: CudaInMemory, *, plan: bytes = b'plan') -> SimpleNamespace:
    """The module tensorrt; its runtime takes this plan only."""

    class Severity(enum.IntEnum):
        ERROR = 1

    class Logger:
        pass

    Logger.Severity = Severity  # type: ignore[attr-defined]

    class Engine:
        device_memory_size_v2 = 1024

        def create_execution_context(self, strategy: str) -> ContextInMemory:
            assert strategy == 'user managed'
            return ContextInMemory(cuda, self.device_memory_size_v2)

    class Runtime:
        def __init__(self, logger: Any) -> None:
            self._logger = logger

        def deserialize_cuda_engine(self, given: bytes) -> Engine | None:
            if given == plan:
                return Engine()
            reason = OUT_OF_MEMORY if given == b'large plan' else 'of another version'
            self._logger.log(Severity.ERROR, f'IRuntime::load: Error Code 1: {reason}')
            return None

    return SimpleNamespace(
        ILogger=Logger,
        Runtime=Runtime,
        ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED='user managed'),
    )
