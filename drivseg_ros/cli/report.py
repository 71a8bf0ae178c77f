# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg report`: what evaluations wrote, looked at again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.cli.evaluation_table import print_diff

app = typer.Typer(help='Evaluations that were written as JSON.', no_args_is_help=True)


@app.callback()
def options() -> None:
    """Evaluations that were written as JSON."""


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help='The JSON of an evaluation.')],
    after: Annotated[Path, typer.Argument(help='Another one of the same frames.')],
    figure: Annotated[
        str | None,
        typer.Option(
            help='The figure by which frames are listed; mIoU, or the first by role, without it.',
            show_default=False,
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=0, help='How many frames to list.')] = 10,
) -> None:
    """Show two evaluations side by side, and the frames where they differ most."""
    from drivseg_ros.cli.console import out
    from drivseg_ros.errors import ParameterError
    from drivseg_ros.evaluation.evaluation_diff import compare, frames_that_changed
    from drivseg_ros.evaluation.evaluation_file import read_evaluation
    from drivseg_ros.evaluation.measures import leading_figure
    from drivseg_ros.evaluation.titles import masks_title

    first, second = read_evaluation(before), read_evaluation(after)
    found = compare(first, second)
    chosen = figure or leading_figure(second)
    if chosen not in found.changes:
        raise ParameterError(
            f'there is no figure {chosen!r} here; there are {", ".join(found.changes)}'
        )
    changed = frames_that_changed(first, second, chosen, worse=False)
    changed.sort(key=lambda frame: (-abs(frame.after - frame.before), frame.name))
    titles = (before.stem, after.stem) if before.stem != after.stem else (str(before), str(after))
    for title, one in zip(titles, (first, second), strict=True):
        told = f'{title}: {masks_title(one.network)}, {len(one.rows)} frames'
        out.print(told, markup=False, soft_wrap=True)
    print_diff(found, titles, changed[:frames], chosen)
    if not changed:
        out.print(f'{chosen} is the same in every frame, or not known of single frames')


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
    from drivseg_ros.report.html.page import write_html

    page = output or evaluation.with_suffix('.html')
    check_writable(page)
    write_html(page, read_content(evaluation))
    out.print(f'  {page}', markup=False, soft_wrap=True)
