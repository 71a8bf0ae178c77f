# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder that is filled frame by frame: image, label and mask, whichever comes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from drivseg_ros.bags.image_messages import COMPRESSED_IMAGE, decode
from drivseg_ros.bags.reader import BagMessage
from drivseg_ros.bags.stamps import stamp_name
from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import BagError, DrivsegError, ImageError
from drivseg_ros.images.compression import encode_jpeg, encode_png, read_header

FOLDERS = {'image': 'images', 'label': 'labels', 'mask': 'masks'}
# What file systems take (255 bytes), less what a file is called while it is written.
_LONGEST_NAME = 220


class FrameError(DrivsegError):
    """A frame that is left out.

    Attributes:
        name: the frame's.
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@dataclass
class _Frame:
    name: str
    size: tuple[int, int] | None = None
    files: dict[str, Path] = field(default_factory=dict)
    failed: bool = False


class FrameFolder:
    """Files of frames that go by stamp; a frame that fails leaves no file behind.

    Args:
        root: the folder.
        names: frames' names by stamp (ns); others are named by their stamps.
        with_labels: an image without a label is no frame.
        raw_as: 'png' or 'jpg', for raw images.
        jpeg_quality: of 'jpg'.

    Attributes:
        images: frames that are complete; known after ``finish``.
        masks: how many of them have a mask.
        by_stamp: how many of them are named by their stamps.
    """

    def __init__(
        self,
        root: Path,
        *,
        names: Mapping[int, str],
        with_labels: bool,
        raw_as: str,
        jpeg_quality: int,
    ) -> None:
        self._root = root
        self._names = names
        self._needed = ('image', 'label') if with_labels else ('image',)
        self._raw_as = raw_as
        self._quality = jpeg_quality
        self._frames: dict[int, _Frame] = {}
        self._owners: dict[str, int] = {}
        self.images = self.masks = self.by_stamp = 0

    def add_image(self, stamp_ns: int, message: BagMessage) -> None:
        """Writes an image.

        Raises:
            FrameError: if it cannot be decoded, or does not fit what is there of the frame.
            DataError: if the file cannot be written.
        """
        try:
            pixels = decode(message)
            data, suffix = _file(message)
        except (ImageError, BagError) as error:
            self.fail(stamp_ns, f'its image cannot be used: {error}')
        if not data and self._raw_as == 'png':
            data, suffix = encode_png(pixels), '.png'
        elif not data:
            data, suffix = encode_jpeg(pixels, quality=self._quality), '.jpg'
        self._write(stamp_ns, 'image', pixels, data, suffix)

    def add_plane(self, stamp_ns: int, what: str, ids: np.ndarray) -> None:
        """Writes class ids as PNG.

        Args:
            stamp_ns: the frame's stamp.
            what: 'label' or 'mask'.
            ids: uint8 [H, W].

        Raises:
            FrameError: if they do not fit what is there of the frame.
            DataError: if the file cannot be written.
        """
        self._write(stamp_ns, what, ids, encode_png(ids), '.png')

    def fail(self, stamp_ns: int, text: str) -> NoReturn:
        """Leaves a frame out, with what was written of it.

        Raises:
            FrameError: with this text.
        """
        frame = self._frames.setdefault(stamp_ns, _Frame(self._names.get(stamp_ns, '')))
        frame.name = frame.name or stamp_name(stamp_ns)
        frame.failed = True
        _remove(frame)
        raise FrameError(frame.name, text)

    def finish(self) -> int:
        """Removes what is of no complete frame, and counts.

        Returns:
            How many labels and masks there were without an image.
        """
        spare = 0
        for stamp_ns, frame in self._frames.items():
            if frame.failed:
                continue
            if all(what in frame.files for what in self._needed):
                self.images += 1
                self.masks += 'mask' in frame.files
                self.by_stamp += frame.name == stamp_name(stamp_ns)
                continue
            spare += len(frame.files.keys() - {'image'})
            _remove(frame)
        for name in FOLDERS.values():
            folder = self._root / name
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        return spare

    def _write(
        self, stamp_ns: int, what: str, pixels: np.ndarray, data: bytes, suffix: str
    ) -> None:
        frame = self._frames.get(stamp_ns) or self._new(stamp_ns)
        if frame.failed:
            return
        if what in frame.files:
            self.fail(
                stamp_ns,
                f'two {FOLDERS[what]} have its stamp, {stamp_ns} ns; frames go by stamp, so each '
                'must have its own',
            )
        size = pixels.shape[1], pixels.shape[0]
        if frame.size is not None and frame.size != size:
            there = ' and '.join(frame.files)
            self.fail(
                stamp_ns,
                f'its {what} is {size[0]}x{size[1]}, its {there} {frame.size[0]}x{frame.size[1]}; '
                'they must have one size',
            )
        path = self._root / FOLDERS[what] / f'{frame.name}{suffix}'
        with whole_file(path) as partial:
            partial.write_bytes(data)
        frame.size, frame.files[what] = size, path

    def _new(self, stamp_ns: int) -> _Frame:
        name = self._names.get(stamp_ns) or stamp_name(stamp_ns)
        frame = self._frames[stamp_ns] = _Frame(name)
        if not _is_file_name(name):
            frame.name = stamp_name(stamp_ns)
            self.fail(stamp_ns, f'its name in the bag, {name[:80]!r}, is no name of a file')
        if self._owners.setdefault(name, stamp_ns) != stamp_ns:
            frame.name = f'{name} ({stamp_name(stamp_ns)})'
            self.fail(stamp_ns, f'another frame has the name {name!r}')
        return frame


def _file(message: BagMessage) -> tuple[bytes, str]:
    """The file that an image came in, if it can be kept, and the end of its name."""
    if message.msgtype != COMPRESSED_IMAGE or message.message.format.startswith('bayer_'):
        return b'', ''  # the file of a mosaic alone would be read as grey
    data = bytes(message.message.data)
    return data, read_header(data).suffix


def _remove(frame: _Frame) -> None:
    for path in frame.files.values():
        path.unlink(missing_ok=True)
    frame.files.clear()


def _is_file_name(name: str) -> bool:
    return (
        not name.startswith('.')
        and name.isprintable()
        and not set(name) & set('/\\')
        and len(name.encode()) <= _LONGEST_NAME
    )
