# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg evaluate` on many bags: where they run, how far they are, a row for each."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import Progress, TaskID

from drivseg_ros.base.output_files import check_output_folder
from drivseg_ros.cli.console import err, progress_bar
from drivseg_ros.errors import ParameterError

if TYPE_CHECKING:
    from drivseg_ros.cli.evaluation_outcome import Outcome
    from drivseg_ros.evaluation.many.bags import ManyResult
    from drivseg_ros.evaluation.many.runs import Runs
    from drivseg_ros.evaluation.request import EvaluationRequest


@dataclass(frozen=True)
class ManyOptions:
    """How many bags are evaluated.

    Args:
        jobs: so many at a time; None: one, or what Ray has room for.
        ray: the address of a Ray cluster, 'local', or None.
        output: the folder in which each bag's result is kept.
        resume: whether results that are there are taken.
        overwrite: whether they may be replaced.

    Raises:
        ParameterError: if options contradict each other.
    """

    jobs: int | None
    ray: str | None
    output: Path | None
    resume: bool
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.resume and self.output is None:
            raise ParameterError(
                '--resume was given without the folder that the first run kept its results in; '
                'name it (--output)'
            )
        if self.output is not None:
            check_output_folder(self.output, overwrite=self.overwrite or self.resume)

    @property
    def given(self) -> bool:
        """Whether any was."""
        return self.jobs is not None or self.ray is not None or self.output is not None


def evaluate_bags(
    requests: Sequence[EvaluationRequest], options: ManyOptions, outcome: Outcome
) -> ManyResult:
    """Evaluates bags, and shows on stderr how far they are.

    Raises:
        DrivsegError: as `evaluate_many` does.
    """
    from drivseg_ros.base.interruption import orderly_end
    from drivseg_ros.engines.base import default_threads
    from drivseg_ros.evaluation.many.bags import entitle, evaluate_many
    from drivseg_ros.evaluation.many.kept_results import KeptResults
    from drivseg_ros.evaluation.many.runs import LocalRuns

    if requests[0].live and (options.ray is not None or (options.jobs or 1) > 1):
        raise ParameterError(
            'two nodes on one machine would measure each other; with --live leave --jobs and --ray '
            'out'
        )
    runs: Runs
    if options.ray is None:
        jobs = min(options.jobs or 1, len(requests))
        runs = LocalRuns(jobs)
        if jobs > 1:
            # Each engine would take all CPUs, and all would wait for each other.
            fair = max(1, default_threads() // jobs)
            requests = [dataclasses.replace(r, threads=r.threads or fair) for r in requests]
    else:
        from drivseg_ros.evaluation.many.ray import RayRuns

        runs = RayRuns(options.ray, jobs=options.jobs)
        requests = [dataclasses.replace(r, threads=r.threads or 1) for r in requests]
    requests = entitle(requests)
    with orderly_end(), progress_bar() as progress:
        shown = _Shown(progress, [str(request.title) for request in requests])
        try:
            return evaluate_many(
                requests,
                runs,
                watcher=shown,
                check_terms=outcome.check_terms,
                kept=None if options.output is None else KeptResults(options.output),
                resume=options.resume,
                command=shlex.join(['drivseg', *sys.argv[1:]]),
                sink=None if outcome.html is None else outcome.recipe,
                on_export=outcome.adopt,
            )
        except KeyboardInterrupt:
            text = f'{shown.done} of {len(requests)} bags are done'
            if options.output is not None:
                text += f' and kept in {options.output}; the same with --resume does the others'
            err.print(text, markup=False, soft_wrap=True)
            raise


class _Shown:
    """A bar for all bags, and one for each that is being evaluated."""

    def __init__(self, progress: Progress, titles: Sequence[str]) -> None:
        self.done = 0
        self._progress = progress
        self._titles = titles
        self._whole = progress.add_task('bags', total=len(titles))
        self._bars: dict[int, TaskID] = {}

    def kept(self, index: int) -> None:
        self.done += 1
        self._say(index, 'done earlier')

    def note(self, index: int, note: Mapping[str, Any]) -> None:
        if 'frames' in note:
            title = escape(self._titles[index])
            self._bars[index] = self._progress.add_task(title, total=note['frames'])
        elif index in self._bars:
            self._progress.update(self._bars[index], completed=note['done'])

    def finished(self, index: int, error: str) -> None:
        if index in self._bars:
            self._progress.remove_task(self._bars.pop(index))
        self.done += not error
        self._say(index, f'FAILED: {error}' if error else 'done')

    def _say(self, index: int, what: str) -> None:
        self._progress.advance(self._whole)
        err.print(f'{self._titles[index]}: {what}', markup=False, soft_wrap=True)
