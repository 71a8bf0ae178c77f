# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One configuration of an engine benchmark, in a process of its own (`python -m` this module).

It loads when asked to, and then runs a few times whenever its turn has come.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np

from drivseg_ros.base.child import OnNote, serve
from drivseg_ros.base.gpu_memory import gpu_memory_used_mb
from drivseg_ros.base.gpus import find_gpus
from drivseg_ros.base.usage import own_memory_mb
from drivseg_ros.bench.bare_runtimes import BareCall, open_bare
from drivseg_ros.bench.streets import streets
from drivseg_ros.engines.registry import RUNTIMES
from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.errors import DrivsegError, EngineError
from drivseg_ros.evaluation.network import describe_engine
from drivseg_ros.model.file import ModelFile
from drivseg_ros.model.store import find_model
from drivseg_ros.segmenter import Segmenter

_WARM_UP_S = 0.02


@runtime_checkable
class TimesNetwork(Protocol):
    """An engine that can run its network alone, without moving or resizing anything."""

    def time_network(self, batch_size: int, runs: int) -> Sequence[float]:
        """Times of single runs, in milliseconds."""
        ...


@dataclass(frozen=True)
class Loaded:
    """What a worker holds between its turns.

    Attributes:
        batch: uint8 [N, h, w, 3] at the network's size.
        images: N images of each size, by (width, height).
        target: what runs them: our engine in its Segmenter, or the runtime's bare call.
    """

    batch: np.ndarray
    images: dict[tuple[int, int], list[np.ndarray]]
    target: Segmenter | BareCall

    def time(self, what: str, size: tuple[int, int] | None, runs: int) -> list[float]:
        """Milliseconds of each run of 'infer', 'network' or, at a size, 'segment'.

        Raises:
            EngineError: if the engine fails, or cannot run its network alone.
        """
        call: Callable[[], object]
        if not isinstance(self.target, Segmenter):
            call = partial(self.target, self.batch)
        elif what == 'network':
            engine = self.target.engine
            if not isinstance(engine, TimesNetwork):
                raise EngineError(f'{engine.name} cannot run its network alone')
            return list(engine.time_network(len(self.batch), runs))
        elif size is None:
            call = partial(self.target.engine.infer, self.batch, confidence=False)
        else:
            call = partial(self.target.segment, self.images[size])
        times = []
        for _ in range(runs):
            started = time.perf_counter()
            call()
            times.append((time.perf_counter() - started) * 1e3)
        return times

    def warm_up(self, what: str, size: tuple[int, int] | None) -> None:
        """Runs as `time` does, until caches are warm and clocks are up whoever ran before."""
        deadline = time.perf_counter() + _WARM_UP_S
        self.time(what, size, 1)
        while time.perf_counter() < deadline:
            self.time(what, size, 1)


class Bench:
    """Answers the requests of engine_benchmark.py."""

    def __init__(self) -> None:
        self._loaded: Loaded | None = None

    def handle(self, request: dict[str, Any], _note: OnNote) -> Any:
        """Loads ({'do': 'load', 'choice': ...}), or times ({'do': 'infer', 'runs': 5}).

        What can be timed is 'infer', 'network' and, with a 'size', 'segment'.
        """
        if request['do'] == 'load':
            return self._load(**request['choice'])
        if self._loaded is None:
            raise EngineError('nothing is loaded yet')
        size = tuple(request['size']) if 'size' in request else None
        self._loaded.warm_up(request['do'], size)
        return self._loaded.time(request['do'], size, request['runs'])

    def _load(
        self,
        *,
        model: str,
        spec: dict[str, str],
        bare: bool,
        batch: int,
        sizes: list[list[int]],
        threads: int,
    ) -> dict[str, Any]:
        chosen, file = EngineSpec(**spec), find_model(model)
        if file.batch not in (None, batch):
            raise EngineError(
                f'{file.path} takes batches of {file.batch} only, and {batch} was asked for; '
                'export it for any batch size'
            )
        inputs = streets(batch, file.card.input_width, file.card.input_height)
        images = {(w, h): streets(batch, w, h) for w, h in sizes}
        start_mb = own_memory_mb()
        # So that the libraries' memory is not the engine's (onnxruntime's are there already:
        # every model file is read with it). What is missing is said when the engine is made.
        with suppress(DrivsegError, KeyError):
            RUNTIMES[chosen.engine].load()
        imported_mb, gpu_mb = own_memory_mb(), _gpu_mb()
        if bare:
            call, used = open_bare(file, chosen, batch=batch, threads=threads)
            self._loaded = Loaded(np.stack(inputs), images, call)
            engine = {**_describe_model(file), 'engine': f'{chosen.engine} (bare)', **used}
        else:
            segmenter = Segmenter.open(
                file.path,
                engine=chosen.engine,
                precision=chosen.precision,
                device=chosen.device,
                threads=threads,
                max_batch=batch,
            )
            self._loaded = Loaded(np.stack(inputs), images, segmenter)
            engine = {**describe_engine(segmenter.engine), **_describe_model(file)}
        for what, size in [('infer', None), *(('segment', size) for size in images)]:
            self._loaded.warm_up(what, size)
        times_network = not bare and isinstance(segmenter.engine, TimesNetwork)
        return {
            'engine': engine,
            'times_network': times_network,
            'input_sha256': _hash(inputs, *images.values()),
            'memory': {
                'runtime_mb': round(imported_mb - start_mb, 1),
                'engine_mb': round(own_memory_mb() - imported_mb, 1),
                'process_mb': round(own_memory_mb(), 1),
                'gpu_mb': None if gpu_mb is None else round((_gpu_mb() or 0) - gpu_mb, 1),
            },
        }


def _describe_model(file: ModelFile) -> dict[str, Any]:
    return {'model': file.card.name, 'file': file.path.name, 'sha256': file.sha256}


def _gpu_mb() -> float | None:
    """Memory in use on all GPUs; the parent loads one worker after the other."""
    used = [gpu_memory_used_mb(gpu.index) for gpu in find_gpus()]
    known = [mb for mb in used if mb is not None]
    return sum(known) if known else None


def _hash(*groups: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for image in (image for group in groups for image in group):
        digest.update(str(image.shape).encode())
        digest.update(image.tobytes())
    return digest.hexdigest()


if __name__ == '__main__':
    serve(Bench().handle)
