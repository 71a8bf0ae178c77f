# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A drive through a Segmenter: the overlay as a video, and masks by frame on request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.drive_source import open_frames, probe_frames
from drivseg_ros.images.files import find_images
from drivseg_ros.images.overlay import Look
from drivseg_ros.images.resizing import resize_image
from drivseg_ros.images.writing import check_folder, check_targets, write_planes
from drivseg_ros.report.picture_tally import Tally
from drivseg_ros.report.video import VIDEO_SUFFIXES, Video, check_video
from drivseg_ros.segmenter import Segmenter

_RATES_HZ = (0.01, 1000)
_WIDTHS = (16, 16384)


@dataclass(frozen=True)
class VideoFiles:
    """What is read and written.

    Attributes:
        source: a video, or a folder of pictures.
        output: the video with the overlay, .mp4 or .gif.
        masks: a folder for class ids, NNNNNN.png counted from 000000; None leaves them out.
        confidence: likewise for the confidence.
        overwrite: whether files of these names that are there may be replaced.

    Raises:
        DataError: if the output is something else, or a file is in the way.
        MissingDependencyError: if the output is a .gif and PyAV is not installed.
    """

    source: Path
    output: Path
    masks: Path | None = None
    confidence: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.output.suffix.lower() not in VIDEO_SUFFIXES or self.output.is_dir():
            raise DataError(
                f"'{self.source}' is taken for a video, and its output cannot be '{self.output}'; "
                f'name a file that ends in {" or ".join(VIDEO_SUFFIXES)}'
            )
        check_video(self.output)
        folders = [f for f in (self.masks, self.confidence) if f is not None]
        check_targets([self.output], [self.source], overwrite=self.overwrite)
        if len({f.resolve() for f in folders}) != len(folders):
            raise DataError(f"masks and confidence cannot both go to '{self.masks}'; name two")
        pictures = find_images(self.source)[0].parent if self.source.is_dir() else None
        for folder in folders:
            if pictures is not None and folder.resolve() == pictures.resolve():
                raise DataError(f"'{folder}' holds the pictures that are read; name another folder")
            check_folder(folder, overwrite=self.overwrite)


def segment_video(
    segmenter: Segmenter,
    files: VideoFiles,
    look: Look,
    *,
    rate_hz: float | None = None,
    width: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_frame: Callable[[int, int | None], None] = lambda done, total: None,
    on_failure: Callable[[str], None] = lambda message: None,
) -> Tally:
    """Segments a video, or a folder of pictures as one, frame by frame, in flat memory.

    Ended early by `stop`, the video is finished with the frames it has; after an error there is
    none. Masks keep the size of the frames that were read. A picture that cannot be decoded is
    left out.

    Args:
        segmenter: the Segmenter; it stays the caller's.
        files: the files.
        look: how the overlay looks.
        rate_hz: frames a second to write; the video's own unless given, pictures have none.
        width: width of the video that is written, in pixels; as it comes unless given.
        stop: asked before each frame; True ends the run.
        on_frame: called with the frames done, and how many the video claims to have, if it does.
        on_failure: called with what is wrong with a picture, and if there turn out to be fewer.

    Raises:
        BagError: if the video cannot be opened.
        DataError: if there is no frame, or a file cannot be written.
        ParameterError: if there is no rate, a value is out of range, or confidence is wanted and
            the network tells none.
        EngineError: if the engine fails.
    """
    own_rate_hz, frames = probe_frames(files.source)
    rate = own_rate_hz if rate_hz is None else rate_hz
    if rate_hz is None and not rate:
        raise ParameterError(f"'{files.source}' does not say its frame rate; give one with --rate")
    if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
        raise ParameterError(f'a rate of {rate} Hz is not allowed; give 0.01 to 1000')
    if width is not None and not _WIDTHS[0] <= width <= _WIDTHS[1]:
        raise ParameterError(
            f'a width of {width} pixels is not allowed; give {_WIDTHS[0]} to {_WIDTHS[1]}'
        )
    if files.confidence is not None:
        segmenter.engine.model.require_confidence()
    segmenter.warm_up()
    tally = Tally()

    def leave_out(name: str, message: str) -> None:
        tally.failed[name] = message
        on_failure(message)

    with ExitStack() as stack:
        images = stack.enter_context(open_frames(files.source, leave_out))
        partial = stack.enter_context(whole_file(files.output))
        video = stack.enter_context(Video(partial, rate_hz=rate))
        while True:
            if stop():
                tally.interrupted = True
                break
            image = next(images, None)
            if image is None:
                break
            (result,) = segmenter.segment([image], confidence=files.confidence is not None)
            name = f'{tally.done:06d}.png'
            write_planes(
                result,
                mask=None if files.masks is None else files.masks / name,
                confidence=None if files.confidence is None else files.confidence / name,
            )
            video.write(_resize(look.draw(image, result), width))
            tally.add(result.timings)
            on_frame(tally.done + len(tally.failed), frames or None)
    if not tally.done and not tally.interrupted:
        raise DataError(
            f"'{files.source}' has no frame that can be decoded; convert it to .mp4 (H.264)"
        )
    if tally.done + len(tally.failed) < frames and not tally.interrupted:
        on_failure(
            f"video '{files.source}' names {frames} frames, of which {tally.done} came out; "
            'the others are cut away in the file (an edit list) or damaged'
        )
    return tally


def _resize(picture: np.ndarray, width: int | None) -> np.ndarray:
    if width is None:
        return picture
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    return resize_image(picture, width=width, height=height)
