# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frames of a drive, from a video or from a folder of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.images.files import find_images, read_image
from drivseg_ros.images.videos import open_video, probe_video

OnFailure = Callable[[str, str], None]
"""Called with the name of a picture that cannot be used, and what is wrong with it."""


def probe_frames(source: Path) -> tuple[float, int]:
    """Frames a second and their number, 0 where the source does not say.

    Raises:
        DataError: if it is a video that cannot be opened.
        DataError: if it is a folder without pictures.
    """
    if source.is_dir():
        return 0.0, len(find_images(source))
    facts = probe_video(source)
    return facts.rate_hz, facts.frames


@contextmanager
def open_frames(source: Path, on_failure: OnFailure) -> Iterator[Iterator[np.ndarray]]:
    """Frame after frame, uint8 [H, W, 3] RGB; pictures as people number them.

    Args:
        source: a video, or a folder as `find_images` takes it.
        on_failure: told of pictures that cannot be used, which are left out.

    Raises:
        DataError: if it is a video that cannot be opened.
        DataError: if it is a folder without pictures.
    """
    if source.is_dir():
        yield _pictures(find_images(source), on_failure)
        return
    with open_video(source) as capture:

        def frames() -> Iterator[np.ndarray]:
            while True:
                more, bgr = capture.read()
                if not more:
                    return
                yield bgr[..., ::-1]

        yield frames()


def _pictures(files: list[Path], on_failure: OnFailure) -> Iterator[np.ndarray]:
    for file in files:
        try:
            image = read_image(file)
        except DataError as error:
            on_failure(file.name, str(error))
        else:
            yield image
