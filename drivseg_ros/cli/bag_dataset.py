# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg bag from-dataset` and `drivseg bag to-images`: data sets to bags and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drivseg_ros.cli import options as shared
from drivseg_ros.cli.bag_make import (
    DEFAULT_START_S,
    Compressed,
    Encoding,
    FrameId,
    FrameRate,
    ImageTopic,
    JpegQuality,
    LabelTopic,
    NameTopic,
    Output,
    Start,
    Storage,
    make_bag,
    nanoseconds,
)
from drivseg_ros.cli.console import err, out, progress_bar
from drivseg_ros.cli.options import (
    SIZE,
    Bag,
    DatasetKind,
    DatasetOption,
    DatasetRoot,
    Labels,
    Limit,
    Overwrite,
    parse_kind,
    parse_option,
    parse_size,
)
from drivseg_ros.errors import DataError

if TYPE_CHECKING:
    from drivseg_ros.bags.to_images import MadeImages


def from_dataset(
    kind: DatasetKind,
    output: Output,
    root: DatasetRoot = None,
    option: DatasetOption = None,
    limit: Limit = None,
    rate: FrameRate = 10.0,
    size: Annotated[
        str | None,
        typer.Option(metavar='WIDTHxHEIGHT', help=SIZE, show_default='as in the data set'),
    ] = None,
    image_topic: ImageTopic = '/camera/image_raw',
    frame_id: FrameId = 'camera_optical_frame',
    encoding: Encoding = 'bgr8',
    compressed: Compressed = False,
    jpeg_quality: JpegQuality = 90,
    label_topic: LabelTopic = '',
    name_topic: NameTopic = '',
    start: Start = DEFAULT_START_S,
    storage: Storage = 'mcap',
    overwrite: Overwrite = False,
) -> None:
    """Make a bag of a data set: images, labels, names, classes.

    Labels are mono8 class ids (255: unlabelled), stamped as their image; names are
    std_msgs/Header. `drivseg bag to-images` makes a data set of it again.
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
    wanted = None if size is None else parse_size(size)
    own = dict(parse_option(text) for text in option or [])
    if limit is not None:
        own['limit'] = limit
    name, part = parse_kind(kind)
    dataset = open_dataset(name, root, part=part, **own)
    err.print(f'{dataset.name}: {len(dataset)} frames', markup=False, soft_wrap=True)
    make_bag(
        options,
        len(dataset),
        lambda progress: bag_from_dataset(
            dataset, options, rate_hz=rate, size=wanted, progress=progress
        ),
    )
    if dataset.classes:
        classes = ', '.join(f'{c.id} {c.name}' for c in dataset.classes)
        out.print(f'  classes: {classes}', markup=False, soft_wrap=True)
    else:
        out.print('  no labels', markup=False)


def to_images(
    bag: Bag,
    output: Annotated[Path, typer.Option('--output', '-o', help='Folder to make.')],
    image_topic: shared.ImageTopic = None,
    label_topic: shared.LabelTopic = None,
    mask_topic: shared.MaskTopic = None,
    name_topic: NameTopic = '',
    labels: Labels = None,
    image_format: Annotated[
        str, typer.Option(help='Format of raw images: png, or jpg, which is not exact.')
    ] = 'png',
    jpeg_quality: JpegQuality = 90,
    overwrite: Overwrite = False,
) -> None:
    """Make a data set (kind `folder`) of a bag.

    Files have their frame's name where the bag states it, else its stamp. JPEG and PNG files in
    compressed images are kept as they are. A frame that cannot be used is reported and left out,
    and the exit status is 1 then. Ctrl-C leaves what is finished.
    """
    from drivseg_ros.bags.to_images import ImageFolderOptions, images_from_bag
    from drivseg_ros.base.interruption import stop_on_signals
    from drivseg_ros.frames.known_labels import read_labels

    options = ImageFolderOptions(
        output=output,
        overwrite=overwrite,
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
