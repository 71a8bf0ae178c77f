# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loads a network aside, so that loading can be given up at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

from drivseg_ros.engines.base import BuildProgress, OnProgress
from drivseg_ros.errors import EngineError
from drivseg_ros.segmenter import Segmenter


class Leaving(BaseException):
    """The process ends: unwinds whatever waits, as far as `executors.spin`.

    It is no Exception, because rclpy makes of those a failed transition, which it then tries to
    publish although ROS is gone.
    """


def load_segmenter(
    *,
    model: str,
    engine: str,
    device: str,
    precision: str,
    threads: int,
    largest_batch: int,
    check: Callable[[], None],
    on_progress: OnProgress,
) -> Segmenter:
    """Loads a network and warms it up, in a thread of its own.

    The thread is for the caller's sake: native code that loads a network does not let go for
    signals, and may take minutes where an engine is built.

    Args:
        model: name or path of the model.
        engine: name of the runtime.
        device: device of the runtime.
        precision: precision of the runtime.
        threads: CPU threads of the runtime; 0: its own choice.
        largest_batch: every batch size from 1 up to this is warmed up, if batches are a gain.
        check: called every now and then; what it raises ends the wait, and the thread, left to
            itself, closes what it loaded.
        on_progress: called by that thread with how far the engine is, if it has to be built.

    Returns:
        The network, ready for its first frame.

    Raises:
        ModelError: if the model is not found or cannot be used.
        EngineError: if the engine, device or precision is not available, or it fails.
        MissingDependencyError: if the engine is not installed.
        BaseException: what `check` raised.
    """
    results: list[Segmenter] = []
    errors: list[BaseException] = []
    unwanted = threading.Event()

    def report(progress: BuildProgress) -> None:
        if unwanted.is_set():  # ends the build; another load may be under way
            raise EngineError('the load was given up')
        on_progress(progress)

    def load() -> None:
        try:
            segmenter = Segmenter.open(
                model,
                engine=engine,
                device=device,
                precision=precision,
                threads=threads,
                max_batch=largest_batch,
                on_progress=report,
            )
            try:
                # The hash of a large file takes a while; from now on it is known.
                _ = segmenter.engine.model.sha256
                largest = largest_batch if segmenter.gains_by_batches else 1
                segmenter.warm_up(batch_sizes=range(1, largest + 1))
                if unwanted.is_set():
                    segmenter.close()
            except BaseException:
                segmenter.close()  # the error holds it in memory, and memory may be what lacks
                raise
        except BaseException as error:  # whatever a runtime raises, SystemExit included
            errors.append(error)
        else:
            results.append(segmenter)

    thread = threading.Thread(target=load, name='loading', daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(timeout=0.05)
        try:
            if thread.is_alive():
                check()
        except BaseException:
            unwanted.set()
            raise
    if errors:
        if isinstance(errors[0], Exception):
            raise errors[0]
        raise EngineError(f'{engine} ended with {errors[0]!r} while it loaded {model}')
    return results[0]
