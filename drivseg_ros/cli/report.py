# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg report`: what evaluations wrote, looked at again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.cli.evaluation_table import print_diff
from drivseg_ros.cli.options import Overwrite

if TYPE_CHECKING:
    from drivseg_ros.evaluation.comparison import Comparison
    from drivseg_ros.evaluation.metric import Metric
    from drivseg_ros.evaluation.result import Evaluation

app = typer.Typer(help='Compare and show evaluations (JSON files).', no_args_is_help=True)


@app.callback()
def options() -> None:
    """Compare and show evaluations (JSON files)."""


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help='JSON of an evaluation.')],
    after: Annotated[Path, typer.Argument(help='JSON of another one of the same frames.')],
    metric: Annotated[
        str | None,
        typer.Option(
            help='Metric by which frames are listed.', show_default='mIoU, or the first by role'
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=0, help='Number of frames to list.')] = 10,
) -> None:
    """Show two evaluations, and the frames that differ most."""
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
    evaluation: Annotated[Path, typer.Argument(help='JSON of an evaluation.')],
    output: Annotated[
        Path | None,
        typer.Option(
            '--output', '-o', help='Page to write, .html.', show_default='beside the JSON'
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write an evaluation as a page, without pictures of frames.

    `drivseg evaluate --html` writes one with pictures.
    """
    from drivseg_ros.base.output_files import check_output_files
    from drivseg_ros.cli.console import print_path
    from drivseg_ros.evaluation.evaluation_file import read_content
    from drivseg_ros.report.page.render import write_page

    page = output or evaluation.with_suffix('.html')
    check_output_files([page], overwrite=overwrite, sources=[evaluation])
    write_page(page, read_content(evaluation))
    print_path(page)
