# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg segment`: pictures or a video through a network, without ROS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.cli.console import err, out, progress_bar
from drivseg_ros.cli.options import Device, EngineName, Model, Precision, Threads
from drivseg_ros.model.store import DEFAULT_MODEL

if TYPE_CHECKING:
    from drivseg_ros.report.picture_tally import Tally


def segment(
    source: Annotated[
        Path,
        typer.Argument(
            metavar='IMAGE|DIR|VIDEO',
            help='A .jpg or .png, a folder of them (not of folders in it), or a video.',
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            help='Of pictures a folder, for overlays/ and masks/; of one picture also a .png or '
            '.jpg, the overlay alone. Of a video, or a folder of its pictures, an .mp4 or .gif.'
        ),
    ],
    model: Model = DEFAULT_MODEL,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    masks: Annotated[
        Path | None,
        typer.Option(help='A folder for class ids as PNGs; of pictures OUTPUT/masks without it.'),
    ] = None,
    confidence: Annotated[
        Path | None, typer.Option(help='A folder for the confidence as PNGs, 0 to 255.')
    ] = None,
    side_by_side: Annotated[
        bool, typer.Option('--side-by-side', help='The original beside the overlay.')
    ] = False,
    alpha: Annotated[float, typer.Option(min=0, max=1, help="The overlay's opacity.")] = 0.5,
    width: Annotated[
        int | None, typer.Option(help='Of a video: width of the overlay video, in pixels.')
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help='Of a video: frames a second, if not its own; pictures have none.'),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option('--overwrite', help='Replace files that are there.')
    ] = False,
) -> None:
    """Segment a picture, a folder of pictures or a video, and write masks and overlays.

    Masks have the size and the name of their picture. A picture that cannot be decoded costs
    itself and is named. Ctrl-C leaves what is finished; a video then ends early.
    """
    from drivseg_ros.base.interruption import stop_on_signals
    from drivseg_ros.errors import DataError, ParameterError
    from drivseg_ros.images.files import IMAGE_SUFFIXES
    from drivseg_ros.images.overlay import Look
    from drivseg_ros.report.picture_run import plan_pictures, segment_pictures
    from drivseg_ros.report.video_run import VIDEO_SUFFIXES, VideoFiles, segment_video
    from drivseg_ros.segmenter import Segmenter

    if not source.exists():
        raise DataError(f"there is nothing at '{source}'; give a picture, a folder or a video")
    if source.suffix.lower() in ('.mcap', '.db3', '.bag'):
        raise DataError(f"'{source}' is a bag; `drivseg replay` takes these")
    look = Look(alpha=alpha, side_by_side=side_by_side)
    plan, files = [], None
    to_video = source.is_dir() and output.suffix.lower() in VIDEO_SUFFIXES
    if not to_video and (source.is_dir() or source.suffix.lower() in IMAGE_SUFFIXES):
        if width is not None or rate is not None:
            raise ParameterError(
                '--width and --rate are for videos, and pictures were given; leave them out'
            )
        plan = plan_pictures(
            source, output, masks=masks, confidence=confidence, overwrite=overwrite
        )
    else:
        files = VideoFiles(source, output, masks=masks, confidence=confidence, overwrite=overwrite)
    with (
        Segmenter.open(
            model, engine=engine, device=device, precision=precision, threads=threads
        ) as segmenter,
        progress_bar() as progress,
        stop_on_signals() as signals,
    ):
        task = progress.add_task('frames', total=len(plan) or None)

        def show(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        def complain(message: str) -> None:
            err.print(message, markup=False, soft_wrap=True)

        def stop() -> bool:
            return signals.requested

        if files is None:
            tally = segment_pictures(
                segmenter, plan, look, stop=stop, on_frame=show, on_failure=complain
            )
        else:
            tally = segment_video(
                segmenter,
                files,
                look,
                rate_hz=rate,
                width=width,
                stop=stop,
                on_frame=show,
                on_failure=complain,
            )
    _print_tally(tally)
    if tally.done:
        made = [p for f in plan for p in (f.overlay, f.mask, f.confidence) if p is not None]
        alone = len(plan) == 1 and plan[0].mask is None
        written = {p if p == output else p.parent for p in made} if files is None else {output}
        for path in sorted(written | {p for p in (masks, confidence) if p is not None}):
            note = '  (the overlay; --masks names a folder for the mask)' if alone else ''
            out.print(f'  {path}{note if path == output else ""}', markup=False, soft_wrap=True)
    if tally.interrupted:
        err.print('interrupted: what is listed above was done before', markup=False)
        raise typer.Exit(128 + signals.signal_number)
    if not tally.done:
        raise DataError(f"nothing in '{source}' could be used; what is wrong is said above")


def _print_tally(tally: Tally) -> None:
    line = f'{tally.done} done, {len(tally.failed)} failed'
    if tally.done:
        stages = ', '.join(f'{name} {ms:.1f}' for name, ms in tally.median_ms().items())
        line += f'; median ms a frame: {stages}'
    out.print(line, markup=False, soft_wrap=True)
