# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder that is filled frame by frame: image, label and mask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from drivseg_ros.bags.image_messages import COMPRESSED_IMAGE, decode
from drivseg_ros.bags.reader import BagMessage
from drivseg_ros.bags.stamped import StampedFrame
from drivseg_ros.bags.stamps import stamp_name
from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import BagError, DrivsegError, ImageError
from drivseg_ros.images.compression import encode_jpeg, encode_png, packed_encoding, read_header

FOLDERS = {'image': 'images', 'label': 'labels', 'mask': 'masks'}
# What file systems take (255 bytes), less the end of the name.
_LONGEST_NAME = 250


class FrameError(DrivsegError):
    """A frame that is left out."""


class FrameFolder:
    """Files of frames; a frame that fails leaves no file behind.

    Args:
        root: the folder.
        names: frames' names by stamp (ns); others are named by their stamps.
        raw_as: 'png' or 'jpg', for raw images.
        jpeg_quality: of 'jpg'.

    Attributes:
        images: frames that are complete.
        masks: how many of them have a mask.
        by_stamp: how many of them are named by their stamps.
    """

    def __init__(
        self, root: Path, *, names: Mapping[int, str], raw_as: str, jpeg_quality: int
    ) -> None:
        self._root = root
        self._names = names
        self._raw_as = raw_as
        self._quality = jpeg_quality
        self._taken: set[str] = set()
        self.images = self.masks = self.by_stamp = 0

    def name(self, stamp_ns: int) -> str:
        """What a frame is called in messages."""
        name = self._names.get(stamp_ns, '')
        return name if _is_file_name(name) else stamp_name(stamp_ns)

    def add(self, frame: StampedFrame, planes: Mapping[str, np.ndarray]) -> None:
        """Writes a frame: first its planes, so that every image has its label.

        Args:
            frame: the frame.
            planes: 'label' and 'mask', if there are any: uint8 [H, W].

        Raises:
            FrameError: if its image cannot be decoded, or the parts do not fit each other.
            DataError: if a file cannot be written.
        """
        name = self._new_name(frame.stamp_ns)
        try:
            pixels = decode(frame.message)
            data, suffix = _file(frame.message)
        except (ImageError, BagError) as error:
            raise FrameError(f'its image cannot be used: {error}') from None
        for what, plane in planes.items():
            if plane.shape != pixels.shape[:2]:
                raise FrameError(
                    f'its {what} is {plane.shape[1]}x{plane.shape[0]}, its image '
                    f'{pixels.shape[1]}x{pixels.shape[0]}; they must have one size'
                )
        if not data and self._raw_as == 'png':
            data, suffix = encode_png(pixels), '.png'
        elif not data:
            data, suffix = encode_jpeg(pixels, quality=self._quality), '.jpg'
        files = {what: (encode_png(plane), '.png') for what, plane in planes.items()}
        files['image'] = data, suffix
        written: list[Path] = []
        try:
            for what, (content, end) in files.items():
                path = self._root / FOLDERS[what] / f'{name}{end}'
                with whole_file(path) as partial:
                    partial.write_bytes(content)
                written.append(path)
        except BaseException:
            for path in written:
                path.unlink()
            raise
        self.images += 1
        self.masks += 'mask' in planes
        self.by_stamp += frame.stamp_ns not in self._names

    def finish(self) -> None:
        """Removes folders in which nothing is."""
        for name in FOLDERS.values():
            folder = self._root / name
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _new_name(self, stamp_ns: int) -> str:
        named = self._names.get(stamp_ns)
        if named is not None and not _is_file_name(named):
            raise FrameError(f'its name in the bag, {named[:80]!r}, is no name of a file')
        name = self.name(stamp_ns)
        if name in self._taken and named is not None:
            raise FrameError(f'another frame has the name {name!r}')
        number = 2
        while name in self._taken:  # images of one stamp, without labels
            name, number = f'{stamp_name(stamp_ns)}_{number}', number + 1
        self._taken.add(name)
        return name


def _file(message: BagMessage) -> tuple[bytes, str]:
    """The file that an image came in, if it can be kept, and the end of its name."""
    if message.msgtype != COMPRESSED_IMAGE:
        return b'', ''
    if packed_encoding(message.message.format).startswith('bayer_'):
        return b'', ''  # the file of a mosaic alone would be read as grey
    data = bytes(message.message.data)
    header = read_header(data)
    if header.orientation != 1:
        return b'', ''  # readers of files would turn it, and not its label
    return data, header.suffix


def _is_file_name(name: str) -> bool:
    return (
        name != ''
        and not name.startswith('.')
        and name.isprintable()
        and not set(name) & set('/\\')
        and len(name.encode()) <= _LONGEST_NAME
    )
