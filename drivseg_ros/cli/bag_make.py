# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The commands that make bags: `drivseg bag from-images`, `from-video`, `from-scenes`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.cli.console import err, out, progress_bar, report_masks
from drivseg_ros.cli.options import SIZE, Labels, Limit, Overwrite, Seed, parse_size

if TYPE_CHECKING:
    from drivseg_ros.bags.calibration import Calibration
    from drivseg_ros.bags.image_bag import ImageBagOptions, MadeBag

DEFAULT_START_S = 1_700_000_000.0

Output = Annotated[Path, typer.Option('--output', '-o', help='Folder of the bag to make.')]
ImageTopic = Annotated[str, typer.Option(help='Topic of the images.')]
FrameId = Annotated[str, typer.Option(help='frame_id of the headers.')]
Encoding = Annotated[str, typer.Option(help='Encoding of raw images: bgr8 or rgb8.')]
Compressed = Annotated[
    bool,
    typer.Option(
        '--compressed',
        help='Write CompressedImage; JPEG and PNG files are kept as they are, others become JPEG.',
    ),
]
JpegQuality = Annotated[
    int, typer.Option(min=1, max=100, help='Quality of images that are encoded as JPEG.')
]
LabelTopic = Annotated[
    str, typer.Option(help='Topic of the labels.', show_default='label beside the images')
]
NameTopic = Annotated[
    str,
    typer.Option(help="Topic of the frames' names.", show_default='name beside the images'),
]
CameraInfoTopic = Annotated[
    str,
    typer.Option(help='Topic of the calibration.', show_default='camera_info beside the images'),
]
CalibrationFile = Annotated[
    Path | None,
    typer.Option(
        '--calibration',
        help='Calibration to write: a camera_info .yaml, or calib_cam_to_cam.txt of KITTI.',
        show_default=False,
    ),
]
Start = Annotated[float, typer.Option(help='Stamp of the first frame, seconds since 1970.')]
Storage = Annotated[str, typer.Option(help='Storage of the bag: mcap or sqlite3.')]
FrameRate = Annotated[float, typer.Option('--rate', help='Frames per second.')]


def from_images(
    folder: Annotated[
        Path, typer.Argument(help='Folder of pictures: .jpg, .png, .webp, .tif, ...')
    ],
    output: Output,
    rate: Annotated[
        float | None,
        typer.Option(help='Frames per second.', show_default='timestamps.txt if there, else 10'),
    ] = None,
    timestamps: Annotated[
        Path | None,
        typer.Option(help='File with a time per line, as in KITTI raw.', show_default=False),
    ] = None,
    labels: Labels = None,
    image_topic: ImageTopic = '/camera/image_raw',
    frame_id: FrameId = 'camera_optical_frame',
    encoding: Encoding = 'bgr8',
    compressed: Compressed = False,
    jpeg_quality: JpegQuality = 90,
    label_topic: LabelTopic = '',
    camera_info_topic: CameraInfoTopic = '',
    calibration: CalibrationFile = None,
    start: Start = DEFAULT_START_S,
    storage: Storage = 'mcap',
    overwrite: Overwrite = False,
) -> None:
    """Make a bag of a folder of pictures.

    Pictures are taken in the natural order of their names.
    """
    from drivseg_ros.bags.from_images import bag_from_images, find_images
    from drivseg_ros.bags.image_bag import ImageBagOptions
    from drivseg_ros.frames.pictures import label_values
    from drivseg_ros.images.files import masks_beside
    from drivseg_ros.model.card import UNLABELLED

    options = ImageBagOptions(
        output=output,
        topic=image_topic,
        frame_id=frame_id,
        encoding=encoding,
        compressed=compressed,
        jpeg_quality=jpeg_quality,
        label_topic=label_topic,
        camera_info_topic=camera_info_topic,
        start_ns=nanoseconds(start),
        overwrite=overwrite,
        storage=storage,
    )
    found = find_images(
        folder,
        start_ns=options.start_ns,
        rate_hz=rate,
        stamps_file=timestamps,
        labels=labels,
    )
    camera = _calibration(calibration)
    err.print(f'{len(found.images)} pictures, times from {found.stamps_from}', markup=False)
    if not found.labels:
        report_masks(masks_beside(found.images))
    if found.labels and found.meaning is None:
        err.print(
            'nothing says what the ids in the labels mean (no classes.yaml); it is to be said with '
            '--labels whenever the bag is evaluated',
            markup=False,
            soft_wrap=True,
        )
    values = label_values(found.labels)
    known = found.meaning.values if found.meaning is not None else {}
    if UNLABELLED in values and UNLABELLED not in known and len(values) < 3:
        err.print(
            'the labels hold 255, which is unlabelled, and no more than one class; if 255 is a '
            'class, say so in a label map (--labels FILE.yaml)',
            markup=False,
            soft_wrap=True,
        )
    if found.spare_labels:
        err.print(f'{found.spare_labels} labels without a picture are left out', markup=False)
    make_bag(
        options,
        len(found.images),
        lambda progress: bag_from_images(found, options, calibration=camera, progress=progress),
    )


def from_video(
    video: Annotated[Path, typer.Argument(help='Video file that OpenCV can read, such as .mp4.')],
    output: Output,
    rate: Annotated[
        float | None,
        typer.Option(
            help='Frames per second.', show_default="each frame's own time, as in the video"
        ),
    ] = None,
    image_topic: ImageTopic = '/camera/image_raw',
    frame_id: FrameId = 'camera_optical_frame',
    encoding: Encoding = 'bgr8',
    compressed: Compressed = False,
    jpeg_quality: JpegQuality = 90,
    camera_info_topic: CameraInfoTopic = '',
    calibration: CalibrationFile = None,
    start: Start = DEFAULT_START_S,
    storage: Storage = 'mcap',
    limit: Limit = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a bag of a video."""
    from drivseg_ros.bags.from_video import bag_from_video
    from drivseg_ros.bags.image_bag import ImageBagOptions
    from drivseg_ros.images.videos import read_times

    options = ImageBagOptions(
        output=output,
        topic=image_topic,
        frame_id=frame_id,
        encoding=encoding,
        compressed=compressed,
        jpeg_quality=jpeg_quality,
        camera_info_topic=camera_info_topic,
        start_ns=nanoseconds(start),
        overwrite=overwrite,
        storage=storage,
    )
    camera = _calibration(calibration)
    times = read_times(video, limit=limit)
    make_bag(
        options,
        len(times.times_ns) or None,
        lambda progress: bag_from_video(
            times, options, rate_hz=rate, calibration=camera, progress=progress
        ),
    )
    if times.note:
        err.print(times.note, style='yellow', markup=False, soft_wrap=True)


def from_scenes(
    output: Output,
    seed: Seed = 0,
    size: Annotated[str, typer.Option(metavar='WIDTHxHEIGHT', help=SIZE)] = '640x360',
    rate: FrameRate = 20.0,
    duration: Annotated[float, typer.Option(help='Length in seconds.')] = 20.0,
    no_labels: Annotated[bool, typer.Option('--no-labels', help='Write no labels.')] = False,
    image_topic: ImageTopic = '/camera/image_raw',
    frame_id: FrameId = 'camera_optical_frame',
    encoding: Encoding = 'bgr8',
    compressed: Compressed = False,
    jpeg_quality: JpegQuality = 90,
    label_topic: LabelTopic = '',
    camera_info_topic: CameraInfoTopic = '',
    start: Start = DEFAULT_START_S,
    storage: Storage = 'mcap',
    overwrite: Overwrite = False,
) -> None:
    """Make a bag of a rendered drive with exact labels.

    The classes are 0 direct, 1 alternative, 2 background.
    """
    from drivseg_ros.bags.from_scenes import bag_from_scenes
    from drivseg_ros.bags.image_bag import ImageBagOptions
    from drivseg_ros.scenes.drive import Drive

    options = ImageBagOptions(
        output=output,
        topic=image_topic,
        frame_id=frame_id,
        encoding=encoding,
        compressed=compressed,
        jpeg_quality=jpeg_quality,
        label_topic=label_topic,
        camera_info_topic=camera_info_topic,
        start_ns=nanoseconds(start),
        overwrite=overwrite,
        storage=storage,
    )
    width, height = parse_size(size)
    drive = Drive(seed, width=width, height=height, rate_hz=rate, duration_s=duration)
    make_bag(
        options,
        len(drive),
        lambda progress: bag_from_scenes(drive, options, labels=not no_labels, progress=progress),
    )


def make_bag(
    options: ImageBagOptions,
    total: int | None,
    make: Callable[[Callable[[int], None]], MadeBag],
) -> MadeBag:
    """Runs a maker with a progress bar; an interrupt ends it with the signal's exit status."""
    from drivseg_ros.base.interruption import exit_status, orderly_end

    frames = 0

    def count(done: int) -> None:
        nonlocal frames
        frames = done
        progress.update(task, completed=done)

    with progress_bar() as progress:
        task = progress.add_task('pictures', total=total)
        try:
            with orderly_end():
                made = make(count)
        except KeyboardInterrupt as interrupt:
            progress.stop()
            left = (
                f'{options.output} is readable and holds the first {frames} pictures'
                if frames
                else 'nothing was written'
            )
            err.print(f'interrupted: {left}', markup=False, soft_wrap=True)
            raise typer.Exit(exit_status(interrupt)) from None
    seconds = (made.end_ns - made.start_ns) / 1e9
    out.print(f'{made.path}  {seconds:.2f} s', markup=False, soft_wrap=True)
    for topic, messages in made.counts.items():
        out.print(f'  {topic}  {messages}', markup=False, soft_wrap=True)
    return made


def _calibration(path: Path | None) -> Calibration | None:
    from drivseg_ros.bags.calibration import read_calibration

    return None if path is None else read_calibration(path)


def nanoseconds(seconds: float) -> int:
    """Seconds in nanoseconds, exactly as they were typed."""
    # By way of the digits the user typed: times 1e9 a float is exact to 256 ns only.
    return int(Decimal(repr(seconds)) * 1_000_000_000)
