# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags evaluated as tasks of a Ray cluster, or of a Ray that is started here and ended again."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from drivseg_ros.base.cpus import usable_cpus
from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import DrivsegError, EngineError, MissingDependencyError, ParameterError
from drivseg_ros.evaluation.many.identity import bag_files
from drivseg_ros.evaluation.many.runs import MAX_JOBS, Finished, OnNote, Runs
from drivseg_ros.evaluation.many.worker import BagRequest, handle
from drivseg_ros.evaluation.request import EvaluationRequest

log = logging.getLogger(__name__)

LOCAL = 'local'
"""The address that stands for a Ray of our own on this machine."""
_KNOCK_S = 10.0
# Ray gives its own processes half a minute to start, which a busy machine may exceed the first
# time, when their files are not in memory yet.
_ATTEMPTS = 2


class RayRuns(Runs):
    """Tasks of Ray, each in a process of its own that ends with it.

    A task asks for one CPU, or as many as the engine is to have threads, and for one GPU if the
    network is to run on CUDA. Bags, model and this package must be found on every node under the
    same names, the bags relative to the same working directory.

    Args:
        address: of a cluster, as `ray.init` takes it; LOCAL: a Ray on this machine; None: that
            which this process is connected to.
        jobs: so many tasks at a time; None: as many as Ray has room for.

    Raises:
        MissingDependencyError: if Ray is not installed.
        ParameterError: if the number of jobs is not allowed.
    """

    def __init__(self, address: str | None, *, jobs: int | None = None) -> None:
        try:
            import ray  # noqa: F401
        except ModuleNotFoundError:
            raise MissingDependencyError(
                f'Ray is not installed; {install_hint("ray")} (or leave out --ray: --jobs '
                'needs nothing)'
            ) from None
        if jobs is not None and not 1 <= jobs <= MAX_JOBS:
            raise ParameterError(f'{jobs} jobs were asked for; 1 to {MAX_JOBS} are allowed')
        self._address = address
        self._jobs = jobs

    def run(
        self, requests: Sequence[BagRequest], *, on_note: OnNote
    ) -> Generator[Finished, None, None]:
        """See `Runs`; there are no notes while a bag is being evaluated."""
        import ray

        if not requests:
            return
        with self._connected(requests[0].asked.threads or 1):
            needs = _needs(requests[0].asked)
            _look_for_room(needs, local=self._address in (LOCAL, None))
            # Once called, a process is ended: what a library leaves behind is not the next bag's.
            task = ray.remote(max_calls=1, max_retries=0, **needs)(evaluate_on_node)
            waiting = list(enumerate(requests))[::-1]
            running: dict[Any, int] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < (self._jobs or MAX_JOBS):
                        index, request = waiting.pop()
                        sizes = _sizes(request.asked.frames)
                        started = task.remote(request, os.getcwd(), sizes)
                        running[started] = index
                    (done, *_), _ = ray.wait(list(running), num_returns=1)
                    yield _finish(running.pop(done), done)
            finally:
                for one in running:
                    with suppress(Exception):  # it is gone already
                        ray.cancel(one, force=True)

    @contextmanager
    def _connected(self, cpus: int) -> Generator[None, None, None]:
        """Inside, there is a Ray; one that was there before stays."""
        import ray

        if self._address is None:
            if not ray.is_initialized():
                raise DrivsegError('this process is connected to no Ray; give an address')
            yield
            return
        if ray.is_initialized():
            raise DrivsegError('this process is connected to a Ray already; give no address')
        self._knock(self._address)
        # Ray's own would stay, and turn the signal into an exception wherever it comes.
        before = signal.getsignal(signal.SIGTERM)
        try:
            self._connect(self._address, cpus)
            yield
        finally:
            ray.shutdown()
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)

    def _connect(self, address: str, cpus: int) -> None:
        import ray

        quiet: dict[str, Any] = {'log_to_driver': False, 'logging_level': logging.ERROR}
        local = address == LOCAL
        if local:
            os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
            jobs = self._jobs or max(1, usable_cpus() // cpus)
            quiet |= {'num_cpus': jobs * cpus, 'include_dashboard': False}
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                ray.init(address, **quiet)
                return
            except Exception as error:  # of many kinds, as the ways to fail are
                if not local or attempt == _ATTEMPTS:
                    # It refuses whoever names no token, and reports it in its log only.
                    hint = '' if local else '; one that asks for a token needs RAY_AUTH_MODE=token'
                    raise self._unreachable(error, hint) from None
                log.warning('Ray did not start (%s); trying again', _first_line(error))
                ray.shutdown()

    def _knock(self, address: str) -> None:
        """Ray itself tries for minutes, and then ends the process."""
        found = re.fullmatch(r'(?:ray://)?\[?([^/]+?)\]?:([0-9]{1,5})', address)
        if found is None:
            return  # a name that Ray knows, or something it refuses at once
        try:
            socket.create_connection((found[1], int(found[2])), timeout=_KNOCK_S).close()
        except (OSError, OverflowError) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception, hint: str = '') -> DrivsegError:
        return DrivsegError(
            f'there is no connection to Ray at {self._address!r} ({_first_line(error)}); give the '
            f'address of a running cluster, or {LOCAL!r}{hint}'
        )


def _sizes(text: str) -> list[tuple[str, int]] | None:
    """Name and size of a bag's files; None of a data set, and of what cannot be looked at."""
    path = Path(text)
    try:
        return [(name, size) for name, size, _ in bag_files(path)] if path.exists() else None
    except OSError:
        return None


def evaluate_on_node(
    request: BagRequest, folder: str, sizes: list[tuple[str, int]] | None
) -> dict[str, Any]:
    """Evaluates a bag on a node of the cluster.

    Args:
        request: for `handle`.
        folder: the working directory.
        sizes: of the bag's files where they were asked for.

    Returns:
        What `handle` gives, or the 'error'.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        return {'error': f'{folder} is not on {socket.gethostname()}: {error.strerror}'}
    bag = request.asked.frames
    if sizes is not None and _sizes(bag) != sizes:
        return {'error': f'{bag} is another one on {socket.gethostname()}; copy it there'}
    try:
        return handle(request, lambda note: None)
    except DrivsegError as error:
        return {'error': str(error)}


def _finish(index: int, reference: Any) -> Finished:
    import ray

    try:
        answer = ray.get(reference)
    except Exception as error:  # a dead process, a dead node, or a bug on one
        cause = getattr(error, 'cause', None) or error
        return Finished(index, error=f'{type(cause).__name__}: {_first_line(cause)}')
    return Finished(index, answer.get('content'), answer.get('error', ''), answer.get('sink'))


def _needs(request: EvaluationRequest) -> dict[str, Any]:
    """What a task asks of the cluster."""
    cuda = request.device.startswith('cuda')
    return {'num_cpus': request.threads or 1, 'num_gpus': int(cuda)}


def _look_for_room(needs: dict[str, Any], *, local: bool) -> None:
    import ray

    names = {'num_cpus': 'CPU', 'num_gpus': 'GPU'}
    nodes = [node['Resources'] for node in ray.nodes() if node['Alive']]
    if any(all(node.get(names[key], 0) >= need for key, need in needs.items()) for node in nodes):
        return
    wanted = ', '.join(f'{need} {names[key]}' for key, need in needs.items() if need)
    if local:
        raise EngineError(
            f'Ray finds no {wanted} on this machine; choose another --device or fewer --threads'
        )
    # A cluster that grows as it is asked to has one later.
    log.warning('no node of the cluster has %s; waiting for one that has', wanted)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
