# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A comparison: every candidate made, measured on the same frames, and timed in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.errors import DrivsegError, ModelError
from drivseg_ros.lab.comparing.accuracy import describe_data, measure
from drivseg_ros.lab.comparing.candidates import Candidate, MeasuredSet
from drivseg_ros.lab.comparing.prepare import Prepared, check_size, file_names, prepare
from drivseg_ros.lab.comparing.runs import Means
from drivseg_ros.lab.comparing.speed import time_networks
from drivseg_ros.segmenter import Segmenter

if TYPE_CHECKING:
    from drivseg_ros.lab.training.recipe import Recipe
    from drivseg_ros.lab.training.reporter import Reporter

OnProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done and how much there is."""


@dataclass(frozen=True)
class Timing:
    """How networks are timed.

    Args:
        specs: the engines; none times nothing.
        width: of the images, in pixels; height likewise.
        height: see there.
        runs: of each network and engine.
        threads: CPU threads of each.
    """

    specs: tuple[EngineSpec, ...]
    width: int = 1280
    height: int = 720
    runs: int = 50
    threads: int = 2


def compare(
    candidates: Sequence[Candidate],
    sets: Sequence[MeasuredSet],
    output: Path,
    *,
    means: Means,
    timing: Timing,
    device: str = 'cpu',
    reporter_of: Callable[[str], Reporter],
    on_progress: OnProgress = lambda what, done, total: None,
) -> dict[str, Any]:
    """Compares networks.

    A network that fails is named with the reason, and the others go on.

    Args:
        candidates: what is compared.
        sets: the data sets that are measured on.
        output: the folder of the comparison, for runs/ and models/.
        means: what training may use.
        timing: how the time per frame is taken.
        device: of onnxruntime, when it is measured how good they are.
        reporter_of: gives the listener of a training by the title of its network.
        on_progress: called with how far the rest is.

    Returns:
        Data sets and a row for each candidate, as plain data.

    Raises:
        DataError: if a frame that is measured on cannot be read.
        ModelError: if a recipe's architecture does not take the recipe's size; nothing is
            trained then.
    """
    data: list[dict[str, Any]] = []
    for one_set in sets:
        on_progress(f'read {one_set.title}', len(data), len(sets))
        data.append({'title': one_set.title, **describe_data(one_set.dataset)})
    for number, candidate in enumerate(candidates):
        if candidate.recipe is not None:
            on_progress(f'check {candidate.title}', number, len(candidates))
            _check(candidate.title, candidate.recipe)
    rows = [_Row(candidate) for candidate in candidates]
    names = file_names([row.title for row in rows])
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        on_progress(f'prepare {row.title}', number, len(rows))
        row.attempt(
            lambda row=row, name=name: row.prepare(name, output, means, reporter_of(row.title))  # type: ignore[misc]
        )
    for row in rows:
        if row.prepared is not None:
            row.attempt(lambda row=row: row.measure(sets, device, timing.threads, on_progress))  # type: ignore[misc]
    able = [row for row in rows if not row.problem and row.prepared is not None]
    how: dict[str, Any] = {}
    if able and timing.specs:
        times, how = time_networks(
            [row.prepared.file for row in able if row.prepared is not None],
            timing.specs,
            size=(timing.width, timing.height),
            runs=timing.runs,
            threads=timing.threads,
            on_progress=lambda done, total: on_progress('time', done, total),
        )
        for row, taken in zip(able, times, strict=True):
            row.times = taken
            failed = [f'{one["spec"]}: {one["problem"]}' for one in taken if one['problem']]
            row.problem = '; '.join(failed)
    return {
        'kind': 'comparison',
        'data': data,
        'timing': how,
        'rows': [row.describe() for row in rows],
    }


def _check(title: str, recipe: Recipe) -> None:
    try:
        check_size(recipe)
    except ModelError as error:
        raise ModelError(f'{title}: {error}') from None
    except (DrivsegError, ImportError):
        pass  # its row will say it, and the others can be compared


class _Row:
    """A candidate on its way through the comparison."""

    def __init__(self, candidate: Candidate) -> None:
        self.title = candidate.title
        self.prepared: Prepared | None = None
        self.problem = ''
        self.times: list[dict[str, Any]] = []
        self._candidate = candidate
        self._accuracy: dict[str, Any] = {}

    def attempt(self, step: Callable[[], None]) -> None:
        """Takes a step, and keeps the reason if it fails."""
        try:
            step()
        except DrivsegError as error:
            self.problem = str(error)
        except Exception as error:
            # What torch and onnxruntime raise of their own, such as for want of memory, concerns
            # this network and not the others, and has no base class in common.
            lines = str(error).strip().splitlines()
            self.problem = f'{type(error).__name__}: {lines[0] if lines else error!r}'

    def prepare(self, name: str, output: Path, means: Means, reporter: Reporter) -> None:
        self.prepared = prepare(self._candidate, name, output, means, reporter)

    def measure(
        self, sets: Sequence[MeasuredSet], device: str, threads: int, on_progress: OnProgress
    ) -> None:
        if self.prepared is None:
            return
        with Segmenter.open(
            self.prepared.file.path, engine='onnxruntime', device=device, threads=threads
        ) as segmenter:
            for one_set in sets:
                what = f'measure {self.title} on {one_set.title}'
                self._accuracy[one_set.title] = measure(
                    segmenter,
                    one_set.dataset,
                    on_frame=lambda done, total, what=what: on_progress(what, done, total),  # type: ignore[misc]
                )

    def describe(self) -> dict[str, Any]:
        """The row as plain data."""
        row: dict[str, Any] = {'title': self.title, 'problem': self.problem}
        if self.prepared is None:
            return row
        file = self.prepared.file
        return row | {
            'network': {
                'name': file.card.name,
                'architecture': file.card.architecture,
                'width': file.card.input_width,
                'height': file.card.input_height,
                'classes': {c.name: c.role.value for c in file.card.classes},
                'precision': file.card.precision,
            },
            'file': {
                'name': file.path.name,
                'sha256': file.sha256,
                'bytes': file.path.stat().st_size,
            },
            'parameters': self.prepared.parameters,
            'gmacs': round(self.prepared.gmacs, 6),
            **self.prepared.facts,
            'accuracy': self._accuracy,
            'times': self.times,
        }
