# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg report`: what evaluations wrote, looked at again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.cli.evaluation_table import print_diff

if TYPE_CHECKING:
    from drivseg_ros.evaluation.comparison import Comparison
    from drivseg_ros.evaluation.metric import Metric
    from drivseg_ros.evaluation.result import Evaluation

app = typer.Typer(help='Evaluations that were written as JSON.', no_args_is_help=True)


@app.callback()
def options() -> None:
    """Evaluations that were written as JSON."""


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help='The JSON of an evaluation.')],
    after: Annotated[Path, typer.Argument(help='Another one of the same frames.')],
    metric: Annotated[
        str | None,
        typer.Option(
            help='The metric by which frames are listed; mIoU, or the first by role, without it.',
            show_default=False,
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=0, help='How many frames to list.')] = 10,
) -> None:
    """Show two evaluations side by side, and the frames where they differ most."""
    from drivseg_ros.cli.console import out
    from drivseg_ros.evaluation.comparison import compare, frames_that_changed
    from drivseg_ros.evaluation.evaluation_file import read_evaluation
    from drivseg_ros.evaluation.titles import masks_title

    first, second = read_evaluation(before), read_evaluation(after)
    found = compare(first, second)
    chosen = _choose(metric, found, second)
    changed = []
    if chosen is not None:
        changed = frames_that_changed(first, second, chosen, worse=False)
        changed.sort(key=lambda frame: (-abs(frame.after - frame.before), frame.name))
    titles = (before.stem, after.stem) if before.stem != after.stem else (str(before), str(after))
    for title, one in zip(titles, (first, second), strict=True):
        line = f'{title}: {masks_title(one.network)}, {len(one.rows)} frames'
        out.print(line, markup=False, soft_wrap=True)
    print_diff(found, titles, changed[:frames])
    if chosen is not None and not changed:
        out.print(f'{chosen.name} is the same in every frame, or not known of single frames')


def _choose(name: str | None, found: Comparison, evaluation: Evaluation) -> Metric | None:
    """The metric by which frames are listed.

    Raises:
        ParameterError: if neither evaluation has it.
    """
    from drivseg_ros.errors import ParameterError

    if name is None:
        return evaluation.leading
    if name not in found.changes:
        raise ParameterError(
            f'there is no metric {name!r} here; there are {", ".join(found.changes)}'
        )
    return found.changes[name].metric


@app.command()
def html(
    evaluation: Annotated[Path, typer.Argument(help='The JSON of an evaluation.')],
    output: Annotated[
        Path | None,
        typer.Option(
            help='The page; without it, beside the JSON and called like it.', show_default=False
        ),
    ] = None,
) -> None:
    """Show an evaluation as a page, but for the pictures of its frames.

    `drivseg evaluate --html` writes one with pictures.
    """
    from drivseg_ros.cli.console import out
    from drivseg_ros.cli.output_file import check_writable
    from drivseg_ros.evaluation.evaluation_file import read_content
    from drivseg_ros.report.page.render import write_page

    page = output or evaluation.with_suffix('.html')
    check_writable(page)
    write_page(page, read_content(evaluation))
    out.print(f'  {page}', markup=False, soft_wrap=True)
