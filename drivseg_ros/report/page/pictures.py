# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Chosen frames as pictures: image, overlay, label, prediction, difference."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.frames.matching import Matching
from drivseg_ros.images.codec import encode_jpeg
from drivseg_ros.model.card import UNLABELLED, ModelClass, Role
from drivseg_ros.report.page.chosen_frames import ChosenFrame
from drivseg_ros.report.page.difference import (
    UNLABELLED_COLOR,
    difference_ids,
    paint_difference,
)

MAX_SIDE = 640
"""Pictures are made smaller than this; some 150 kB a frame."""

_QUALITY = 80
_ALPHA = 0.5


@dataclass(frozen=True, eq=False)
class Pictures:
    """What is shown of a frame.

    Args:
        width: of the pictures, in pixels.
        height: likewise.
        files: JPEG or PNG by name, those that there are: 'image'; 'overlay', the prediction over
            it; 'label' and 'prediction', the classes in their colours; 'difference';
            'was_prediction' and 'was_difference', what the baseline's network says.
    """

    width: int
    height: int
    files: Mapping[str, bytes]


@dataclass(frozen=True, eq=False)
class FramePicture:
    """A frame that is shown.

    Args:
        chosen: the frame, and why it is shown.
        pictures: what is shown of it.
    """

    chosen: ChosenFrame
    pictures: Pictures


def draw_frame(frame: LabelledFrame, mask: np.ndarray, matching: Matching) -> Pictures:
    """Draws a frame.

    Args:
        frame: the frame.
        mask: uint8 [H, W], ids of the network's classes.
        matching: the classes.
    """
    width, height = _size(mask)
    small_mask = _nearest(mask, width, height)
    drawn = {'prediction': _png(_palette(matching.network)[small_mask])}
    image = None if frame.image is None else _area(frame.image, width, height)
    if image is not None:
        drawn['image'] = encode_jpeg(image, quality=_QUALITY)
        drawn['overlay'] = encode_jpeg(
            _blend(image, small_mask, matching.network), quality=_QUALITY
        )
    if frame.label is not None:
        label = _nearest(frame.label, width, height)
        drawn['label'] = _png(_palette(matching.truth)[label])
        painted = paint_difference(difference_ids(label, small_mask, matching), image)
        drawn['difference'] = encode_jpeg(painted, quality=_QUALITY)
    return Pictures(width, height, drawn)


def add_baseline(
    pictures: Pictures,
    image: np.ndarray,
    mask: np.ndarray,
    label: np.ndarray | None,
    matching: Matching,
) -> Pictures:
    """Adds what the network of a baseline makes of the frame.

    Args:
        pictures: what was drawn.
        image: uint8 [H, W, 3].
        mask: uint8 [H, W], ids of that network's classes.
        label: uint8 [H, W]; None without one.
        matching: the classes of labels and that network.
    """
    width, height = pictures.width, pictures.height
    small_mask = _nearest(mask, width, height)
    drawn = {'was_prediction': _png(_palette(matching.network)[small_mask])}
    if label is not None:
        differs = difference_ids(_nearest(label, width, height), small_mask, matching)
        painted = paint_difference(differs, _area(image, width, height))
        drawn['was_difference'] = encode_jpeg(painted, quality=_QUALITY)
    return dataclasses.replace(pictures, files={**pictures.files, **drawn})


def _size(plane: np.ndarray) -> tuple[int, int]:
    height, width = plane.shape[:2]
    scale = min(1.0, MAX_SIDE / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _area(image: np.ndarray, width: int, height: int) -> np.ndarray:
    whole = np.ascontiguousarray(image)
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)


def _nearest(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    whole = np.ascontiguousarray(plane)
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_NEAREST)


def _palette(classes: Sequence[ModelClass]) -> np.ndarray:
    """uint8 [256, 3] RGB."""
    palette = np.zeros((256, 3), np.uint8)
    palette[UNLABELLED] = UNLABELLED_COLOR
    for c in classes:
        palette[c.id] = c.color
    return palette


def _blend(image: np.ndarray, mask: np.ndarray, classes: Sequence[ModelClass]) -> np.ndarray:
    """The colours of the classes that have a role over the image; of all if none has."""
    shown = [c.id for c in classes if c.role is not Role.NONE] or [c.id for c in classes]
    mixed = image * (1 - _ALPHA) + _palette(classes)[mask] * _ALPHA
    return np.where(np.isin(mask, shown)[..., None], mixed.round(), image).astype(np.uint8)


def _png(rgb: np.ndarray) -> bytes:
    done, data = cv2.imencode('.png', np.ascontiguousarray(rgb[..., ::-1]))
    if not done:
        raise DataError(f'OpenCV cannot write a picture of {rgb.shape[1]}x{rgb.shape[0]} as PNG')
    return data.tobytes()
