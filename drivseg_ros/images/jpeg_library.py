# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""JPEG by simplejpeg (libjpeg-turbo), which reports what is damaged, and is faster than OpenCV.

OpenCV gives the same pixels, but of a damaged file it gives whatever it made of it, and a line on
stderr. It is used where simplejpeg is not installed: the node runs with what apt has.
"""

from __future__ import annotations

import functools
import importlib
import re
from types import ModuleType

import numpy as np

from drivseg_ros.base.install_hint import pip_install

# Common webcams (Logitech C270, C910) leave a few bytes before restart markers and the end of every
# frame, and their pictures are whole.
_PADDING = re.compile(r'(\d+) extraneous bytes before marker')
_MAX_PADDING = 16


@functools.cache
def find_simplejpeg() -> ModuleType | None:
    """The library, or None where it is not installed or cannot be imported."""
    try:
        return importlib.import_module('simplejpeg')
    except (ImportError, ValueError):  # ValueError: built for another numpy
        return None


def damage_goes_unnoticed() -> str:
    """What is missing here, and what to do; '' where damaged JPEGs are noticed."""
    if find_simplejpeg() is not None:
        return ''
    return (
        'simplejpeg is not installed: a JPEG that is damaged inside is shown as it is decoded, and '
        f'not counted as failed; {pip_install("simplejpeg")}'
    )


def decode_jpeg(library: ModuleType, data: bytes, *, grey: bool) -> np.ndarray:
    """Decodes a JPEG file.

    Args:
        library: simplejpeg.
        data: the file, its size checked.
        grey: whether it has one channel.

    Returns:
        uint8 [H, W, 3] RGB, or [H, W] if it is grey.

    Raises:
        ValueError: if it is damaged; the text is libjpeg's.
    """
    decode = functools.partial(library.decode_jpeg, data, 'GRAY' if grey else 'RGB')
    try:
        picture: np.ndarray = decode()
    except ValueError as error:
        padding = _PADDING.search(str(error))
        if padding is None or int(padding[1]) > _MAX_PADDING:
            raise
        picture = decode(strict=False)
    return picture[..., 0] if grey else picture
