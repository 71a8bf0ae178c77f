# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Chosen frames as pictures: image, overlay, label, prediction, difference."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.frames.labelled_frame import LabelledFrame, LostFrame
from drivseg_ros.frames.matching import Matching
from drivseg_ros.frames.source import FrameSource
from drivseg_ros.images.codec import encode_jpeg
from drivseg_ros.model.card import UNLABELLED, ModelClass, Role
from drivseg_ros.report.page.chosen_frames import ChosenFrame, choose_frames
from drivseg_ros.report.page.difference import (
    UNLABELLED_COLOR,
    difference_ids,
    paint_difference,
)
from drivseg_ros.segmenter import Segmenter

MAX_SIDE = 640
"""Pictures are made smaller than this; some 150 kB a frame."""

_QUALITY = 80
_ALPHA = 0.5


@dataclass(frozen=True, eq=False)
class FramePicture:
    """A frame that is shown.

    Args:
        chosen: the frame, and why it is shown.
        width: of the pictures, in pixels.
        height: likewise.
        image: JPEG; None where there is no image.
        overlay: JPEG, the prediction over the image; None where one of the two is not there.
        label: PNG, the classes in their colours; None without a label.
        prediction: PNG, likewise.
        difference: JPEG; None without a label or a prediction.
        was_prediction: PNG, what the baseline's network says; None where it is not to be had.
        was_difference: JPEG, likewise.
    """

    chosen: ChosenFrame
    width: int
    height: int
    image: bytes | None = None
    overlay: bytes | None = None
    label: bytes | None = None
    prediction: bytes | None = None
    difference: bytes | None = None
    was_prediction: bytes | None = None
    was_difference: bytes | None = None


def draw_pictures(
    result: Evaluation,
    sources: Sequence[FrameSource | None],
    segmenter: Segmenter | None,
    *,
    count: int = 5,
    baseline: Mapping[str, Any] | None = None,
    earlier: Segmenter | None = None,
) -> list[FramePicture]:
    """Draws the frames that `choose_frames` gives, in its order.

    The sources are gone through once more, and only the masks of these frames are made again.

    Args:
        result: what was found.
        sources: those of its parts, in their order; None leaves out the frames of a part.
        segmenter: the network that was judged; None where the masks are in the sources.
        count: how many of each kind at most; a frame is shown once.
        baseline: what `describe_baseline` gave, if there is one.
        earlier: the network of the baseline, whose masks are shown beside, where it is to be had.

    Raises:
        DataError: if the sources are of other parts, or a frame is not there any more.
    """
    if len(sources) != len(result.parts):
        raise DataError(
            f'{len(sources)} folders and bags were given for pictures of {len(result.parts)}; '
            'give those that were evaluated, in their order'
        )
    wanted = {(one.part, one.name): one for one in choose_frames(result, count, baseline)}
    drawn = {}
    for part, source in enumerate(sources):
        names = {name for at, name in wanted if at == part}
        if source is None or not names:
            continue
        beside = source.images_beside(names)
        for frame in source:
            if isinstance(frame, LostFrame) or frame.name not in names:
                continue
            names.discard(frame.name)
            key = part, frame.name
            if frame.image is None:
                frame = dataclasses.replace(frame, image=beside.get(frame.name))
            before = earlier if wanted[key].before is not None else None
            drawn[key] = _draw(frame, wanted[key], result.matching, segmenter, before)
            if not names:
                break
        if names:
            raise DataError(
                f'{source.describe()["given"]} has no frame {sorted(names)[0]!r} any more; '
                'pictures can be made of the frames that were evaluated only'
            )
    return [drawn[key] for key in wanted if key in drawn]


def _draw(
    frame: LabelledFrame,
    chosen: ChosenFrame,
    matching: Matching,
    segmenter: Segmenter | None,
    earlier: Segmenter | None,
) -> FramePicture:
    mask, was, image, label = frame.mask, None, frame.image, frame.label
    if image is not None and segmenter is not None:
        mask = segmenter.segment([image])[0].class_ids
    if image is not None and earlier is not None:
        was = earlier.segment([image])[0].class_ids
    plane = next((p for p in (image, mask, label) if p is not None), None)
    if plane is None:
        raise DataError(f'the frame {frame.name} has neither image nor mask nor label')
    width, height = _size(plane)
    small = None if image is None else _area(image, width, height)
    pictures: dict[str, bytes] = {}
    if small is not None:
        pictures['image'] = encode_jpeg(small, quality=_QUALITY)
    if small is not None and mask is not None:
        over = _blend(small, _nearest(mask, width, height), matching.network)
        pictures['overlay'] = encode_jpeg(over, quality=_QUALITY)
    if label is not None:
        near_label = _nearest(label, width, height)
        pictures['label'] = _png(_palette(matching.truth)[near_label])
    for before, plane in (('', mask), ('was_', was)):
        if plane is not None:
            near = _nearest(plane, width, height)
            pictures[f'{before}prediction'] = _png(_palette(matching.network)[near])
        if plane is not None and label is not None:
            differs = _nearest(difference_ids(label, plane, matching), width, height)
            painted = paint_difference(differs, small)
            pictures[f'{before}difference'] = encode_jpeg(painted, quality=_QUALITY)
    return FramePicture(chosen, width, height, **pictures)


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
