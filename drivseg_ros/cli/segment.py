# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg segment`: pictures or a video through a network, without ROS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.cli.console import err, out, print_path, progress_bar, report_masks
from drivseg_ros.cli.options import (
    Device,
    EngineName,
    Limit,
    Model,
    OverlayAlpha,
    Overwrite,
    Precision,
    Threads,
)
from drivseg_ros.model.store import DEFAULT_MODEL

if TYPE_CHECKING:
    from drivseg_ros.evaluation.result import Evaluation
    from drivseg_ros.frames.source import FrameSource

_RATES_HZ = (0.01, 1000)
_WIDTHS = (16, 16384)


def segment(
    source: Annotated[
        Path,
        typer.Argument(
            metavar='IMAGE|FOLDER|VIDEO',
            help='Picture (.jpg, .png, .webp, .tif, ...), folder of them, or video.',
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            '--output',
            '-o',
            help='Folder for overlays/ and masks/; or an overlay: .png, .jpg, .mp4 or .gif.',
        ),
    ],
    model: Model = DEFAULT_MODEL,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    masks: Annotated[
        Path | None,
        typer.Option(help='Folder for class ids as PNGs.', show_default='of pictures OUTPUT/masks'),
    ] = None,
    confidence: Annotated[
        Path | None,
        typer.Option(help='Folder for the confidence as PNGs, 0 to 255.', show_default=False),
    ] = None,
    side_by_side: Annotated[
        bool, typer.Option('--side-by-side', help='Draw the original beside the overlay.')
    ] = False,
    bird: Annotated[
        Path | None,
        typer.Option(
            metavar='CAMERA.yaml',
            help="Draw a bird's-eye view beside the overlay: the camera's calibration and mounting "
            '(docs/ground.md).',
            show_default=False,
        ),
    ] = None,
    overlay_alpha: OverlayAlpha = 0.5,
    width: Annotated[
        int | None,
        typer.Option(help='Width of the video in pixels.', show_default='as in the source'),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help='Frames per second of the video.', show_default='as in the source'),
    ] = None,
    limit: Limit = None,
    overwrite: Overwrite = False,
) -> None:
    """Segment pictures or a video: masks and overlays.

    Masks have the size and the name of their picture. A picture that cannot be decoded is reported,
    the others are done, and the exit status is 1. Ctrl-C leaves what is finished; a video then ends
    early.
    """
    from drivseg_ros.cli.evaluation_run import Complaints, run_shown
    from drivseg_ros.errors import DataError, ParameterError
    from drivseg_ros.evaluation.network import RunNetwork
    from drivseg_ros.evaluation.open_source import is_bag
    from drivseg_ros.evaluation.request import OfflineEvaluation
    from drivseg_ros.evaluation.settings import PLAIN
    from drivseg_ros.evaluation.sink import Sink
    from drivseg_ros.frames.source import DatasetSource, VideoSource
    from drivseg_ros.frames.unlabelled import UnlabelledFrames
    from drivseg_ros.images.files import IMAGE_SUFFIXES, find_images, masks_beside
    from drivseg_ros.images.overlay import Look
    from drivseg_ros.report.bird_look import BirdLook
    from drivseg_ros.report.camera_file import read_camera_file
    from drivseg_ros.report.overlay_sinks import OverlayVideo
    from drivseg_ros.report.picture_sinks import (
        PictureWriter,
        PlaneWriter,
        check_video_files,
        plan_pictures,
    )
    from drivseg_ros.report.video import VIDEO_SUFFIXES
    from drivseg_ros.segmenter import Segmenter

    if not source.exists():
        raise DataError(f"there is nothing at '{source}'; give a picture, a folder or a video")
    if is_bag(source):
        raise DataError(f"'{source}' is a bag; `drivseg replay` takes these")
    look = Look(alpha=overlay_alpha, side_by_side=side_by_side)
    if bird is not None:
        camera = read_camera_file(bird)
        look = BirdLook(alpha=overlay_alpha, side_by_side=side_by_side, camera=camera)

    def pictures(files: list[Path]) -> FrameSource:
        frames = UnlabelledFrames(source.name, tuple(files), tuple(range(len(files))))
        return DatasetSource(str(source), frames)

    plan = []
    sinks: list[Sink] = [Complaints()]
    to_video = source.is_dir() and output.suffix.lower() in VIDEO_SUFFIXES
    if not to_video and (source.is_dir() or source.suffix.lower() in IMAGE_SUFFIXES):
        if width is not None or rate is not None:
            raise ParameterError(
                '--width and --rate are for videos, and pictures were given; leave them out'
            )
        plan = plan_pictures(
            source, output, masks=masks, confidence=confidence, overwrite=overwrite
        )[:limit]
        frames = pictures([files.picture for files in plan])
        sinks.append(PictureWriter(plan, look))
    else:
        check_video_files(source, output, masks=masks, confidence=confidence, overwrite=overwrite)
        if source.is_dir():
            frames = pictures(find_images(source)[:limit])
        else:
            frames = VideoSource(source, limit=limit)
        rate_hz = _rate(rate, frames, source)
        if width is not None and not _WIDTHS[0] <= width <= _WIDTHS[1]:
            raise ParameterError(
                f'a width of {width} pixels is not allowed; give {_WIDTHS[0]} to {_WIDTHS[1]}'
            )
        sinks += [
            OverlayVideo(
                output,
                rate_hz=rate_hz,
                look=look,
                captions=False,
                width=width,
                own_times=rate is None,
            ),
            PlaneWriter(masks, confidence),
        ]
    if source.is_dir():
        report_masks(masks_beside(find_images(source)))
    with (
        Segmenter.open(
            model, engine=engine, device=device, precision=precision, threads=threads
        ) as segmenter,
        progress_bar() as progress,
    ):
        if confidence is not None:
            segmenter.engine.model.require_confidence()
        network = RunNetwork(segmenter, confidence=confidence is not None)
        opened = OfflineEvaluation(frames, network, PLAIN)
        found, interrupted = run_shown(opened, progress, 'frames', sinks=sinks)
    _print_summary(found)
    counts = found.counts
    if counts.processed:
        made = [p for f in plan for p in (f.overlay, f.mask, f.confidence) if p is not None]
        alone = len(plan) == 1 and plan[0].mask is None
        written = {p if p == output else p.parent for p in made} if plan else {output}
        for path in sorted(written | {p for p in (masks, confidence) if p is not None}):
            note = '(the overlay; --masks names a folder for the mask)' if alone else ''
            print_path(path, note if path == output else '')
    if found.interrupted:
        err.print('interrupted: what is listed above was done before', markup=False)
        raise typer.Exit(interrupted)
    if not counts.processed:
        raise DataError(
            f"'{source}' has no frame that can be decoded; give other pictures, or convert the "
            'video to .mp4 (H.264)'
        )
    if isinstance(frames, VideoSource) and frames.note:
        err.print(frames.note, markup=False, soft_wrap=True)
    if counts.failed:
        raise typer.Exit(1)


def _rate(given: float | None, frames: FrameSource, source: Path) -> float:
    """Frames a second of the video that is written.

    Raises:
        ParameterError: if there is none, or it is out of range.
    """
    from drivseg_ros.errors import ParameterError

    rate_hz = frames.rate_hz if given is None else given
    if given is None and not rate_hz:
        raise ParameterError(f"'{source}' does not say its frame rate; give one with --rate")
    if not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        raise ParameterError(
            f'a rate of {rate_hz} Hz is not allowed; give {_RATES_HZ[0]} to {_RATES_HZ[1]}'
        )
    return rate_hz


def _print_summary(found: Evaluation) -> None:
    from drivseg_ros.evaluation.time_series import describe_times

    line = f'{found.counts.processed} done, {found.counts.failed} failed'
    times = describe_times(found).get('times')
    if times:
        stages = ', '.join(f'{name} {one["p50"]:.1f}' for name, one in times['stages'].items())
        line += f'; median ms a frame: {stages}'
    out.print(line, markup=False, soft_wrap=True)
