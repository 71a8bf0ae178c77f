# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of an evaluation's result: limits, files, the console, the exit status."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivseg_ros.base.json_data import to_plain
from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import err, print_path, write_text
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.evaluation.metric import CHANGE

if TYPE_CHECKING:
    from drivseg_ros.evaluation.gate import Check
    from drivseg_ros.evaluation.limit import Limit
    from drivseg_ros.evaluation.many.bags import ManyResult
    from drivseg_ros.evaluation.measured import Terms
    from drivseg_ros.evaluation.request import EvaluationRequest
    from drivseg_ros.evaluation.result import Evaluation
    from drivseg_ros.evaluation.sink import Sink, SinkRecipe
    from drivseg_ros.report.page.kept_frames import EarlierRun, KeptFrames


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is to be done with a result.

    Args:
        limits: what it is held to.
        baseline: the file of the evaluation that changes are measured from.
        earlier: what is in it.
        beyond_noise: changes count only if their interval leaves out 0.
        json: the file of all metrics, if one is wanted.
        junit: the file of the checks, likewise.
        html: the page of it all, likewise.
        overwrite: whether files that exist may be replaced.

    Raises:
        ParameterError: if limits and baseline do not fit each other, or a file cannot be written.
        MissingDependencyError: if a page is wanted and Jinja2 is not installed.
    """

    limits: Sequence[Limit]
    baseline: Path | None
    earlier: Evaluation | None
    beyond_noise: bool
    json: Path | None
    junit: Path | None
    html: Path | None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.html is not None:
            import drivseg_ros.report.page.render  # noqa: F401  # says what is missing
        check_output_files(
            [self.json, self.junit, self.html],
            overwrite=self.overwrite,
            sources=[] if self.baseline is None else [self.baseline],
        )
        changes = any(one.kind.needs_baseline for one in self.limits)
        if self.baseline is None:
            if changes:
                raise ParameterError(
                    '--max-drop and --max-rise are limits of a change; name the evaluation to '
                    'compare with (--baseline)'
                )
        elif not changes:
            raise ParameterError(
                f'the baseline {self.baseline} was given, and nothing to hold it to; say how much '
                'may change (--max-drop, --max-rise), or compare both later (drivseg report diff)'
            )
        if self.beyond_noise and not changes:
            raise ParameterError(
                '--beyond-noise is for limits of a change; give one (--max-drop, --max-rise)'
            )

    def check_terms(self, terms: Terms) -> None:
        """Refuses, before an hour's work, what this evaluation cannot be held to.

        Raises:
            ParameterError: if a limit is of a metric that there will not be, or that the baseline
                lacks, or lets every worse one pass.
            DataError: if the baseline is of other labels or settings.
        """
        from drivseg_ros.evaluation.comparison import check_same_terms
        from drivseg_ros.evaluation.limit import check_directions, check_metrics
        from drivseg_ros.evaluation.metric import metrics_of

        metrics = {one.name: one for one in metrics_of(terms)}
        check_metrics(self.limits, metrics)
        check_directions(self.limits, metrics)
        if self.kept is not None:
            self.kept.begin(terms)
        if self.earlier is None:
            return
        check_same_terms(self.earlier.terms, terms)
        for limit in self.limits:
            if limit.kind.needs_baseline and limit.metric not in self.earlier.metrics:
                raise ParameterError(
                    f'the baseline {self.baseline} has no {limit.metric}; it has '
                    f'{", ".join(self.earlier.metrics)}: take one of these, or make the baseline '
                    'again by a run of the same kind, live or not'
                )

    @cached_property
    def kept(self) -> KeptFrames | None:
        """Keeps frames for the page while the evaluation goes on; None without a page."""
        if self.html is None:
            return None
        from drivseg_ros.report.page.kept_frames import KeptFrames

        return KeptFrames(self._decisive, self._earlier_run())

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """What is made of the frames besides."""
        return () if self.kept is None else (self.kept,)

    def recipe(self, request: EvaluationRequest) -> SinkRecipe:
        """The same in the process that evaluates a bag."""
        from drivseg_ros.report.page.kept_frames import recipe

        return recipe(self._decisive, self._earlier_run(str(request.title)))

    def adopt(self, index: int, exported: Any) -> None:
        """Takes what a process exported, by the place of its bag among those asked for."""
        if self.kept is not None:
            self.kept.adopt(exported, index)

    def complete(self, result: Evaluation, many: ManyResult | None = None) -> bool:
        """Prints the metrics and checks, and writes the files.

        Args:
            result: what was found.
            many: the bags it was put together from.

        Returns:
            Whether all checks were passed.
        """
        from drivseg_ros.cli.evaluation_table import print_checks, print_evaluation, print_parts
        from drivseg_ros.evaluation.evaluation_file import describe
        from drivseg_ros.evaluation.gate import check_frames, check_whole

        content = describe(
            result,
            command=shlex.join(['drivseg', *sys.argv[1:]]),
            broken=None if many is None else many.broken,
        )
        limits, baseline = self._hold(result)
        checks = [
            *([] if many is None else [many.check()]),
            *check_whole(result),
            check_frames(result),
            *limits,
        ]
        content['checks'] = to_plain(checks)
        content['baseline'] = baseline
        # A console that is gone (`| head`) costs no file.
        try:
            print_evaluation(content)
            print_parts(content)
            print_checks(checks)
        finally:
            self._write(content, checks, result, None if many is None else sorted(many.results))
        return all(check.passed for check in checks)

    def _write(
        self,
        content: Mapping[str, Any],
        checks: Sequence[Check],
        result: Evaluation,
        places: Sequence[int] | None,
    ) -> None:
        from drivseg_ros.base.whole_file import write_whole
        from drivseg_ros.evaluation.evaluation_file import evaluation_text
        from drivseg_ros.evaluation.titles import evaluation_title
        from drivseg_ros.report.junit import junit_xml

        if self.json is not None:
            write_text(self.json, evaluation_text(content))
        if self.junit is not None:
            title = ' on '.join(evaluation_title(content))
            write_whole(self.junit, junit_xml(checks, result.metrics, title=title))
            print_path(self.junit)
        if self.html is not None and self.kept is not None:
            from drivseg_ros.report.page.render import write_page

            pictures = self.kept.pictures(result, content['baseline'], places=places)
            for text in self.kept.missing:
                err.print(text, markup=False, soft_wrap=True)
            write_page(self.html, content, checks, pictures, self.kept.missing)
            print_path(self.html)

    @property
    def _decisive(self) -> list[str]:
        """The metrics by which frames that became worse may be shown."""
        return [limit.metric for limit in self.limits if limit.kind.needs_baseline]

    def _earlier_run(self, title: str = '') -> EarlierRun | None:
        from drivseg_ros.report.page.kept_frames import EarlierRun

        if self.earlier is None:
            return None
        names = [one.name for one in self.earlier.of_counts if one.headline or one.name == CHANGE]
        return EarlierRun.of(self.earlier, [*names, *self._decisive], title)

    def _hold(self, result: Evaluation) -> tuple[list[Check], dict[str, Any] | None]:
        """The checks of the limits, and what became of the result since the baseline."""
        from drivseg_ros.evaluation.comparison import describe_baseline
        from drivseg_ros.evaluation.gate import SAME_DATA, Check, check_limits

        try:
            checks = check_limits(result, self.limits, self.earlier, beyond_noise=self.beyond_noise)
            if self.earlier is None:
                return checks, None
            of_limits = [check for check in checks if check.of_limit]
            broken = [
                limit.metric
                for limit, check in zip(self.limits, of_limits, strict=True)
                if limit.kind.needs_baseline and not check.passed
            ]
            given = str(self.baseline)
            return checks, describe_baseline(given, self.earlier, result, metrics=broken)
        except DataError as error:
            # What was found is printed all the same: it may have taken hours.
            return [Check(SAME_DATA, False, str(error))], None


def parse_limits(
    least: list[str] | None,
    most: list[str] | None,
    max_drop: list[str] | None,
    max_rise: list[str] | None,
) -> list[Limit]:
    """The limits of --min, --max, --max-drop and --max-rise.

    Raises:
        ParameterError: if one is not understood.
    """
    from drivseg_ros.evaluation.limit import Limit, LimitKind

    given = {
        LimitKind.MIN: least,
        LimitKind.MAX: most,
        LimitKind.MAX_DROP: max_drop,
        LimitKind.MAX_RISE: max_rise,
    }
    return [Limit.parse(kind, text) for kind, texts in given.items() for text in texts or ()]
