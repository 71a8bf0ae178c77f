# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sinks that write picture files: overlays, masks and confidences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drivseg_ros.base.output_files import check_output_files, check_output_folder
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.images.files import WRITTEN_SUFFIXES, find_images
from drivseg_ros.images.other_pictures import SUFFIXES
from drivseg_ros.images.overlay import Look
from drivseg_ros.images.writing import write_picture, write_planes
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.report.video import VIDEO_SUFFIXES, check_video

MASKS, OVERLAYS = 'masks', 'overlays'
_NO_FOLDERS = ('.mp4', '.gif', '.avi', '.mov', '.mkv', '.webm', *SUFFIXES)


@dataclass(frozen=True)
class PictureFiles:
    """What is read, and what is written of it; None leaves a file out.

    Attributes:
        picture: the picture.
        overlay: a picture of the same format if that is JPEG or PNG, else a PNG.
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
    to_file = suffix in WRITTEN_SUFFIXES and not output.is_dir()
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
            f'file that ends in {", ".join(WRITTEN_SUFFIXES)}'
        )
    mask_folder = masks if masks is not None or to_file else output / MASKS
    plan = [
        PictureFiles(
            picture=picture,
            overlay=output if to_file else output / OVERLAYS / _overlay_name(picture),
            mask=None if mask_folder is None else mask_folder / f'{picture.stem}.png',
            confidence=None if confidence is None else confidence / f'{picture.stem}.png',
        )
        for picture in pictures
    ]
    targets = [t for f in plan for t in (f.overlay, f.mask, f.confidence) if t is not None]
    check_output_files(targets, overwrite=overwrite, sources=pictures)
    return plan


def _overlay_name(picture: Path) -> str:
    written = picture.suffix.lower() in WRITTEN_SUFFIXES
    return picture.name if written else f'{picture.stem}.png'


class PictureWriter(Sink):
    """Overlay, mask and confidence of each picture.

    Args:
        plan: the files, one for each picture of the source.
        look: how the overlays look.
    """

    def __init__(self, plan: Sequence[PictureFiles], look: Look) -> None:
        self._files = {files.picture.stem: files for files in plan}
        self._look = look

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        files = self._files[frame.name]
        write_planes(segmentation, mask=files.mask, confidence=files.confidence)
        write_picture(files.overlay, self._look.draw(frame.pixels(), segmentation))


class PlaneWriter(Sink):
    """Masks and confidences of a video, as NNNNNN.png counted from 000000.

    Args:
        masks: a folder; None leaves them out.
        confidence: likewise.
    """

    def __init__(self, masks: Path | None, confidence: Path | None) -> None:
        self._masks = masks
        self._confidence = confidence
        self._count = 0

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        name = f'{self._count:06d}.png'
        self._count += 1
        write_planes(
            segmentation,
            mask=None if self._masks is None else self._masks / name,
            confidence=None if self._confidence is None else self._confidence / name,
        )


def check_video_files(
    source: Path,
    output: Path,
    *,
    masks: Path | None,
    confidence: Path | None,
    overwrite: bool = False,
) -> None:
    """Sees to it that the overlay video of a video, or of a folder of pictures, may be written.

    Args:
        source: the video or folder.
        output: the video to write, .mp4 or .gif.
        masks: a folder for class ids; None leaves them out.
        confidence: likewise for the confidence.
        overwrite: whether files of these names that are there may be replaced.

    Raises:
        DataError: if the output is something else, or a file is in the way.
        MissingDependencyError: if the output is a .gif and PyAV is not installed.
    """
    if output.suffix.lower() not in VIDEO_SUFFIXES or output.is_dir():
        raise DataError(
            f"'{source}' is taken for a video, and its output cannot be '{output}'; name a file "
            f'that ends in {" or ".join(VIDEO_SUFFIXES)}'
        )
    check_video(output)
    folders = [f for f in (masks, confidence) if f is not None]
    check_output_files([output], overwrite=overwrite, sources=[source])
    if len({f.resolve() for f in folders}) != len(folders):
        raise DataError(f"masks and confidence cannot both go to '{masks}'; name two")
    pictures = find_images(source)[0].parent if source.is_dir() else None
    for folder in folders:
        if pictures is not None and folder.resolve() == pictures.resolve():
            raise DataError(f"'{folder}' holds the pictures that are read; name another folder")
        check_output_folder(folder, overwrite=overwrite)
