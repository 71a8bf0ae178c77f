# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Picture files that no camera driver sends: WebP, AVIF, BMP and TIFF, read by Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.errors import ImageError, MissingDependencyError
from drivseg_ros.images.arrays import MAX_DECODED_PIXELS, check_size, scale_to_8_bits

SUFFIXES = ('.webp', '.avif', '.bmp', '.tif', '.tiff')
"""The ends of such files' names."""
_BITS = 258  # BitsPerSample, of TIFF
_AVIF_BRANDS = (b'avif', b'avis')


def other_format(data: bytes) -> str:
    """'WEBP', 'AVIF', 'BMP' or 'TIFF', by a file's first bytes; '' if it is none of them."""
    if data[:4] == b'RIFF' and data[8:12] == b'WEBP':
        return 'WEBP'
    if data[4:8] == b'ftyp' and data[8:12] in _AVIF_BRANDS:
        return 'AVIF'
    if data[:2] == b'BM':
        return 'BMP'
    return 'TIFF' if data[:4] in (b'II*\0', b'MM\0*') else ''


def decode_other(data: bytes, *, max_pixels: int = MAX_DECODED_PIXELS) -> np.ndarray:
    """The first picture in such a file as viewers show it: turned as EXIF says, without alpha.

    16 bits are scaled by 1/257.

    Args:
        data: the file; `other_format` knows it.
        max_pixels: how many it may have.

    Returns:
        uint8 [H, W, 3] RGB.

    Raises:
        ImageError: with the kind 'size', 'encoding' (no grey levels or colours), or 'damaged'.
        MissingDependencyError: if Pillow is missing, or cannot read the format.
    """
    picture = _open(data, max_pixels)
    if not picture.mode.startswith(('I', 'F')):
        return np.asarray(picture.convert('RGB')).copy()
    return np.repeat(scale_to_8_bits(_uint16(picture))[..., None], 3, axis=2)


def plane_as_png(data: bytes) -> bytes:
    """The first picture in a TIFF or BMP as a PNG of the same numbers, palette or colours.

    Raises:
        ImageError: as `decode_other`.
        MissingDependencyError: likewise.
    """
    from PIL import Image

    picture = _open(data, MAX_DECODED_PIXELS)
    if picture.mode == '1':
        picture = Image.fromarray(np.asarray(picture).astype(np.uint8))
    elif picture.mode.startswith(('I', 'F')):
        picture = Image.fromarray(_uint16(picture))
    elif picture.mode == 'L' and picture.info.get('bits') in (2, 4):
        # Pillow stretches them to 0..255.
        picture = Image.fromarray(np.asarray(picture) // (255 // (2 ** picture.info['bits'] - 1)))
    elif picture.mode not in ('L', 'P', 'LA', 'RGB', 'RGBA'):
        raise ImageError(
            f'it has pixels of the kind {picture.mode}; numbers, a palette or RGB are needed',
            kind='encoding',
        )
    file = io.BytesIO()
    picture.save(file, 'PNG')
    return file.getvalue()


def _open(data: bytes, max_pixels: int) -> Any:
    """The picture, decoded and upright, of Pillow."""
    name = other_format(data)
    try:
        from PIL import Image, ImageOps, features
    except ImportError:
        raise MissingDependencyError(
            f'{name} pictures are read by Pillow, which is not installed; {pip_install("Pillow")}'
        ) from None
    if name == 'AVIF' and 'avif' not in features.get_supported():
        raise MissingDependencyError(
            f'this Pillow ({features.version("pil")}) does not read AVIF pictures; '
            f'{pip_install("--upgrade", "Pillow>=11.3")}, or convert them to PNG'
        )
    try:
        with Image.open(io.BytesIO(data), formats=[name]) as picture:
            check_size(*picture.size, max_pixels=max_pixels)
            bits = getattr(picture, 'tag_v2', {}).get(_BITS, (0,))[0]  # of TIFF only
            upright = ImageOps.exif_transpose(picture)
            upright.info['bits'] = bits
            return upright
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(
            f'it is too large ({error}); at most {max_pixels / 1e6:g} million pixels are allowed',
            kind='size',
        ) from None
    except Exception as error:  # given nonsense, Pillow raises whatever comes
        lines = str(error).splitlines() or [type(error).__name__]
        raise ImageError(f'it is a damaged {name} ({lines[0]})', kind='damaged') from None


def _uint16(picture: Any) -> np.ndarray:
    """The grey levels of more than 8 bits, [H, W]."""
    levels = np.asarray(picture)
    if picture.mode == 'F' or levels.min() < 0 or levels.max() > np.iinfo(np.uint16).max:
        raise ImageError(
            'it has fractions, or numbers outside 0 to 65535; 8 or 16 bits are needed: convert it',
            kind='encoding',
        )
    return levels.astype(np.uint16)
