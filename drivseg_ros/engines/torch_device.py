# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A torch device: its buffers, its stream, its recordings (CUDA graphs), its failures."""

from __future__ import annotations

import contextlib
import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from drivseg_ros.errors import EngineError, ModelError

_RECORDING = threading.Lock()  # CUDA allows one capture in a process at a time
_WARM_UPS = 3  # cuDNN tries its kernels in the first run; libraries load theirs in the second


def choose_device(wanted: str) -> torch.device:
    """The device by its full name; 'auto' is the first GPU, or the CPU where torch has none.

    Raises:
        EngineError: if there is no such device.
    """
    kind, _, index = wanted.partition(':')
    if wanted == 'auto':
        kind = 'cuda' if torch.cuda.is_available() else 'cpu'
    if kind not in ('cpu', 'cuda') or (index and (kind == 'cpu' or not index.isdigit())):
        raise EngineError(
            f"unknown device {wanted!r}; torch takes 'auto', 'cpu', 'cuda' or 'cuda:INDEX'"
        )
    if kind == 'cpu':
        return torch.device('cpu')
    if not torch.backends.cuda.is_built():
        raise EngineError(
            f'device {wanted!r} was asked for, but this torch {torch.__version__} was built '
            "without CUDA; install a torch with CUDA (https://pytorch.org), or ask for 'cpu'"
        )
    count = torch.cuda.device_count()
    if int(index or 0) >= count:
        found = f'only {count} GPU(s)' if count else 'no GPU it can use'
        raise EngineError(
            f'device {wanted!r} was asked for, but torch {torch.__version__} (CUDA '
            f'{torch.version.cuda}) finds {found}; check nvidia-smi and the driver, or ask for '
            "'cpu'"
        )
    return torch.device('cuda', int(index or 0))


class TorchDevice:
    """What differs between a GPU and the CPU.

    On a GPU, work is queued on a stream of its own, host buffers are pinned, and `record` makes
    CUDA graphs. On the CPU all of this is plain, so that whoever uses it runs there as well.

    Args:
        device: the device.
        threads: of the CPU, where that is the device.
    """

    def __init__(self, device: torch.device, *, threads: int) -> None:
        self.device = device
        self._threads = threads
        self.is_cuda = device.type == 'cuda'
        if self.is_cuda:
            self._stream = torch.cuda.Stream(device)
            self._pool = torch.cuda.graph_pool_handle()

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """In here, everything runs on the device's stream, and nothing keeps gradients.

        On the CPU it runs in the engine's number of threads. That number is the process's (the
        training uses it, too), so it is put back each time, which takes less than a microsecond.

        Raises:
            EngineError: whatever fails inside.
        """
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(torch.inference_mode())
                if self.is_cuda:
                    stack.enter_context(torch.cuda.device(self.device))
                    stack.enter_context(torch.cuda.stream(self._stream))
                else:
                    stack.callback(torch.set_num_threads, torch.get_num_threads())
                    torch.set_num_threads(self._threads)
                yield
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                raise describe_failure(error, self.device) from error
            except ModelError as error:
                raise EngineError(str(error)) from None

    def host_buffer(self, *shape: int) -> Tensor:
        """A uint8 buffer that the device can copy from and to while the CPU goes on."""
        return torch.zeros(shape, dtype=torch.uint8, pin_memory=self.is_cuda)

    def buffer(self, *shape: int) -> Tensor:
        """A uint8 buffer on the device."""
        return torch.zeros(shape, dtype=torch.uint8, device=self.device)

    def record(self, function: Callable[[], None]) -> Callable[[], None]:
        """Something that does the same as the function, with as little work for the CPU.

        The function must do the same on the same tensors in every call.
        """
        if not self.is_cuda:
            return function
        with _RECORDING, full_float32():
            for _ in range(_WARM_UPS):
                function()
            self._stream.synchronize()
            graph = torch.cuda.CUDAGraph()
            # 'thread_local': another engine of this process may run meanwhile, in its own thread.
            with torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode='thread_local'
            ):
                function()
        return graph.replay

    def mark(self) -> Callable[[], None]:
        """A function that waits until the device has done all that was queued so far."""
        if not self.is_cuda:
            return lambda: None
        # blocking: the CPU sleeps while it waits; it has other work.
        event = torch.cuda.Event(blocking=True)
        event.record()
        return event.synchronize

    def time(self, function: Callable[[], None], runs: int) -> list[float]:
        """How long each run takes on the device, in milliseconds."""
        if not self.is_cuda:
            times = []
            for _ in range(runs):
                started = time.perf_counter()
                function()
                times.append((time.perf_counter() - started) * 1e3)
            return times
        events = [torch.cuda.Event(enable_timing=True) for _ in range(runs + 1)]
        events[0].record()
        for event in events[1:]:
            function()
            event.record()
        events[-1].synchronize()
        return [a.elapsed_time(b) for a, b in itertools.pairwise(events)]

    def release(self) -> None:
        """Gives unused memory back, after the buffers and recordings were dropped."""
        gc.collect()
        if not self.is_cuda:
            return
        # A device that failed cannot do this any more, and its failure is reported already.
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()
            self._pool = torch.cuda.graph_pool_handle()


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """In here, float32 is float32: no TF32, which has 10 bits of mantissa instead of 23.

    cuDNN uses TF32 for convolutions by default, and would miss the bounds of parity in
    deep networks; who wants speed asks for fp16 or bf16. cuDNN also tries which of its kernels is
    the fastest. The settings are the process's, so they are put back; what was recorded here
    keeps them.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision('highest')
    try:
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=True, deterministic=False, allow_tf32=False
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def describe_failure(error: Exception, device: torch.device) -> EngineError:
    """What failed on a device, and what to do about it."""
    # Where memory ran out during a recording, the end of the recording fails on top of that.
    if isinstance(error.__context__, torch.cuda.OutOfMemoryError):
        error = error.__context__
    text = str(error).strip()
    reason = text.splitlines()[0] if text else repr(error)
    if isinstance(error, torch.cuda.OutOfMemoryError):
        # torch's sentences: what was tried to allocate, what the GPU has, what is free.
        facts = '. '.join(text.split('. ')[:3]).rstrip('.')
        return EngineError(
            f'{device} has not enough memory: {facts}. Take a smaller model or batch, or '
            "precision 'fp16' or 'bf16', or end other programs on the GPU (nvidia-smi lists them)"
        )
    if 'capturing' in text or 'capture' in text:
        return EngineError(
            f'the network cannot be recorded as a CUDA graph on {device}: {reason}; take another '
            'engine'
        )
    lost = isinstance(error, getattr(torch, 'AcceleratorError', ())) or 'CUDA error' in text
    if lost:
        return EngineError(
            f'{device} failed: {reason}. CUDA can do nothing more in this process; restart it, '
            'and look at dmesg if it happens again'
        )
    return EngineError(f'torch failed on {device}: {reason}')
