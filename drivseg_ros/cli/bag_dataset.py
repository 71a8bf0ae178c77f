# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg bag from-dataset` and `drivseg bag to-images`: data sets to bags and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.cli.bag_make import (
    DEFAULT_START_S,
    Compressed,
    Encoding,
    FrameId,
    ImageTopic,
    JpegQuality,
    LabelTopic,
    Overwrite,
    Start,
    Storage,
    make_bag,
    nanoseconds,
)
from drivseg_ros.cli.console import err, out, progress_bar
from drivseg_ros.cli.options import DatasetOption, Labels, parse_option, parse_size
from drivseg_ros.errors import DataError, ParameterError

if TYPE_CHECKING:
    from drivseg_ros.bags.to_images import MadeImages


def from_dataset(
    kind: Annotated[
        str,
        typer.Argument(
            metavar='KIND[:PART]',
            help='A kind that `drivseg dataset kinds` lists, and training, validation, held_out '
            'or test; without a part, everything with labels.',
        ),
    ],
    output: Annotated[Path, typer.Option('--output', '-o', help='The bag to make, a folder.')],
    root: Annotated[Path | None, typer.Argument(help='The folder that holds it.')] = None,
    option: DatasetOption = None,
    limit: Annotated[
        int | None, typer.Option(help='Only so many frames, chosen by the option seed.')
    ] = None,
    rate: Annotated[float, typer.Option(help='Frames a second.')] = 10.0,
    resize: Annotated[
        str | None, typer.Option(metavar='WIDTHxHEIGHT', help='Stretch images and labels to this.')
    ] = None,
    image_topic: ImageTopic = '/camera/image_raw',
    frame_id: FrameId = 'camera_optical_frame',
    encoding: Encoding = 'bgr8',
    compressed: Compressed = False,
    jpeg_quality: JpegQuality = 90,
    label_topic: LabelTopic = '',
    name_topic: Annotated[
        str, typer.Option(help="The topic of the frames' names (default: name beside the images)")
    ] = '',
    start: Start = DEFAULT_START_S,
    storage: Storage = 'mcap',
    overwrite: Overwrite = False,
) -> None:
    """Make a bag of a data set: images, labels, the frames' names and the classes.

    Labels are mono8 images of the set's class ids (255: unlabelled) with their image's stamp.
    Names are std_msgs/Header: the stamp, and the name as frame_id. The classes are in the bag's
    custom_data. `drivseg bag to-images` makes a data set of it again.
    """
    from drivseg_ros.bags.from_dataset import bag_from_dataset
    from drivseg_ros.bags.image_bag import ImageBagOptions
    from drivseg_ros.frames.registry import open_dataset

    options = ImageBagOptions(
        output=output,
        topic=image_topic,
        frame_id=frame_id,
        encoding=encoding,
        compressed=compressed,
        jpeg_quality=jpeg_quality,
        label_topic=label_topic,
        name_topic=name_topic,
        start_ns=nanoseconds(start),
        overwrite=overwrite,
        storage=storage,
    )
    size = None if resize is None else parse_size(resize)
    own = dict(parse_option(text) for text in option or [])
    if limit is not None:
        own['limit'] = limit
    name, colon, part = kind.partition(':')
    if colon and not part:
        raise ParameterError(f'{kind!r} names no part; write {name}:validation, or {name} alone')
    dataset = open_dataset(name, root, part=part or None, **own)
    err.print(f'{dataset.name}: {len(dataset)} frames', markup=False, soft_wrap=True)
    make_bag(
        options,
        len(dataset),
        lambda progress: bag_from_dataset(
            dataset, options, rate_hz=rate, size=size, progress=progress
        ),
    )
    if dataset.classes:
        classes = ', '.join(f'{c.id} {c.name}' for c in dataset.classes)
        out.print(f'  classes: {classes}', markup=False, soft_wrap=True)
    else:
        out.print('  no labels', markup=False)


def to_images(
    bag: Annotated[Path, typer.Argument(help='A rosbag2 folder, .mcap, .db3 or ROS 1 .bag.')],
    output: Annotated[
        Path, typer.Option('--output', '-o', help='The folder to make; it must be new or empty.')
    ],
    image_topic: Annotated[
        str,
        typer.Option(
            help='The images, raw or compressed (default: those of the data set that the bag was '
            'made of, or the only ones there)'
        ),
    ] = '',
    label_topic: Annotated[
        str,
        typer.Option(
            help="Class ids (mono8) with the images' stamps (default: the data set's, if its "
            'images are taken). Images without a label are left out.'
        ),
    ] = '',
    mask_topic: Annotated[
        str, typer.Option(help="A network's masks (mono8) with the images' stamps.")
    ] = '',
    name_topic: Annotated[
        str,
        typer.Option(
            help="The frames' names (default: the data set's, or name beside the images, if there)"
        ),
    ] = '',
    labels: Labels = None,
    image_format: Annotated[
        str, typer.Option(help='Of raw images: png, or jpg, which is not exact.')
    ] = 'png',
    jpeg_quality: JpegQuality = 90,
) -> None:
    """Make a folder of a bag's images, labels and masks, for the data set kind `folder`.

    Files have their frame's name where the bag states it, else its stamp. JPEG and PNG files in
    compressed images are kept as they are. A frame that cannot be used is named and left out, and
    the exit status is 1 then. Ctrl-C leaves what is finished.
    """
    from drivseg_ros.bags.to_images import ImageFolderOptions, images_from_bag
    from drivseg_ros.base.interruption import stop_on_signals
    from drivseg_ros.frames.labels import read_labels

    options = ImageFolderOptions(
        output=output,
        image_topic=image_topic,
        label_topic=label_topic,
        mask_topic=mask_topic,
        name_topic=name_topic,
        labels=None if labels is None else read_labels(labels),
        image_format=image_format,
        jpeg_quality=jpeg_quality,
    )
    with progress_bar() as progress, stop_on_signals() as signals:
        task = progress.add_task('images', total=None)
        made = images_from_bag(
            bag,
            options,
            stop=lambda: signals.requested,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
            on_failure=lambda text: err.print(text, markup=False, soft_wrap=True),
        )
    if made.images:
        _print(made)
    if made.interrupted:
        left = f'the first {made.images} frames' if made.images else 'nothing'
        err.print(f'interrupted: {output} holds {left}', markup=False, soft_wrap=True)
        raise typer.Exit(128 + signals.signal_number)
    if not made.images:
        raise DataError(_nothing(bag, made))
    if made.failed:
        raise typer.Exit(1)


def _print(made: MadeImages) -> None:
    line = f'{made.folder}  {made.images} images'
    if made.label_topic:
        line += ' with labels'
    if made.masks:
        line += f', {made.masks} masks'
    if made.failed:
        line += f'; {len(made.failed)} could not be used'
    out.print(line, markup=False, soft_wrap=True)
    if made.classes:
        names = ', '.join(f'{c.id} {c.name}' for c in made.classes)
        out.print(f'  classes: {names}', markup=False, soft_wrap=True)
    elif made.label_topic:
        err.print(
            'the bag does not say what its labels mean; say it with --labels, or with the option '
            'classes of the kind folder',
            soft_wrap=True,
        )
    for count, text in (
        (made.by_stamp, 'images are named by their stamps'),
        (made.without_label, 'images without a label were left out'),
        (made.spare, 'labels or masks have no image'),
    ):
        if count:
            err.print(f'{count} {text}', soft_wrap=True)


def _nothing(bag: Path, made: MadeImages) -> str:
    if made.failed:
        return f"none of the {len(made.failed)} frames of '{bag}' could be used; see above"
    if made.without_label:
        return (
            f"none of the {made.without_label} images of '{bag}' has a label of its stamp on "
            f'{made.label_topic}; name another label topic'
        )
    return f"bag '{bag}' has no image on that topic; name another"
