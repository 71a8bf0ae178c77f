# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures through a Segmenter: which files come of which, and the run over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.errors import DataError
from drivseg_ros.images.files import IMAGE_SUFFIXES, find_images, read_image
from drivseg_ros.images.overlay import Look
from drivseg_ros.images.writing import check_targets, write_picture, write_planes
from drivseg_ros.report.picture_tally import Tally
from drivseg_ros.segmenter import Segmenter

MASKS, OVERLAYS = 'masks', 'overlays'
_NO_FOLDERS = ('.mp4', '.gif', '.avi', '.mov', '.mkv', '.webm', '.bmp', '.tif', '.tiff', '.webp')


@dataclass(frozen=True)
class PictureFiles:
    """What is read, and what is written of it; None leaves a file out.

    Attributes:
        picture: the picture.
        overlay: a picture of the same format.
        mask: a PNG with one channel of class ids.
        confidence: a PNG with one channel, 255 x the winning class's probability.
    """

    picture: Path
    overlay: Path
    mask: Path | None
    confidence: Path | None


def plan_pictures(
    source: Path,
    output: Path,
    *,
    masks: Path | None = None,
    confidence: Path | None = None,
    overwrite: bool = False,
) -> list[PictureFiles]:
    """Names the files, and sees to it that they may be written.

    Args:
        source: a picture, or a folder as `find_images` takes it: folders in it are left alone.
        output: a folder, in which overlays stand in 'overlays' and masks in 'masks'; or, of one
            picture, a .png or .jpg for the overlay alone.
        masks: another folder for the masks.
        confidence: a folder for the confidence.
        overwrite: whether files that are there may be replaced.

    Returns:
        One for each picture, in the order in which people number files.

    Raises:
        DataError: if there is no picture, the output does not fit, or a file is in the way.
    """
    suffix = output.suffix.lower()
    to_file = suffix in IMAGE_SUFFIXES and not output.is_dir()
    if source.is_dir():
        pictures = find_images(source)
        if to_file:
            raise DataError(
                f"'{source}' is a folder of pictures and the output '{output}' is one picture; "
                'name a folder'
            )
    else:
        pictures = [source]
    if not to_file and (output.is_file() or (suffix in _NO_FOLDERS and not output.is_dir())):
        raise DataError(
            f"the output of pictures cannot be '{output}'; name a folder, or for one picture a "
            f'file that ends in {", ".join(IMAGE_SUFFIXES)}'
        )
    mask_folder = masks if masks is not None or to_file else output / MASKS
    plan = [
        PictureFiles(
            picture=picture,
            overlay=output if to_file else output / OVERLAYS / picture.name,
            mask=None if mask_folder is None else mask_folder / f'{picture.stem}.png',
            confidence=None if confidence is None else confidence / f'{picture.stem}.png',
        )
        for picture in pictures
    ]
    targets = [t for f in plan for t in (f.overlay, f.mask, f.confidence) if t is not None]
    check_targets(targets, pictures, overwrite=overwrite)
    return plan


def segment_pictures(
    segmenter: Segmenter,
    plan: Sequence[PictureFiles],
    look: Look,
    *,
    stop: Callable[[], bool] = lambda: False,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
    on_failure: Callable[[str], None] = lambda message: None,
) -> Tally:
    """Segments pictures one after the other; one that cannot be decoded costs itself.

    Args:
        segmenter: the Segmenter; it stays the caller's.
        plan: the files.
        look: how the overlays look.
        stop: asked before each picture; True ends the run.
        on_frame: called with the pictures gone through and their number.
        on_failure: called with what is wrong with a picture.

    Raises:
        ParameterError: if confidence is wanted and the network tells none.
        EngineError: if the engine fails.
        DataError: if a file cannot be written.
    """
    tally = Tally()
    wants_confidence = any(f.confidence is not None for f in plan)
    if wants_confidence:
        segmenter.engine.model.require_confidence()
    segmenter.warm_up()
    for number, files in enumerate(plan, start=1):
        if stop():
            tally.interrupted = True
            break
        try:
            image = read_image(files.picture)
        except DataError as error:
            tally.failed[files.picture.name] = str(error)
            on_failure(str(error))
        else:
            (result,) = segmenter.segment([image], confidence=wants_confidence)
            write_planes(result, mask=files.mask, confidence=files.confidence)
            write_picture(files.overlay, look.draw(image, result))
            tally.add(result.timings)
        on_frame(number, len(plan))
    return tally
