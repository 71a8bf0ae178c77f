# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The worst and the best frames as pictures: image, overlay, label, prediction, difference."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.evaluation_result import EvaluationResult
from drivseg_ros.evaluation.frame_source import FrameSource, LostFrame, SourceFrame
from drivseg_ros.evaluation.html.difference import (
    UNLABELLED_COLOR,
    difference_ids,
    paint_difference,
)
from drivseg_ros.evaluation.matching import Matching
from drivseg_ros.evaluation.measures import extreme_rows, leading_figure
from drivseg_ros.image_codec import encode_jpeg
from drivseg_ros.model_card import UNLABELLED, ModelClass, Role
from drivseg_ros.segmenter import Segmenter

MAX_SIDE = 640
"""Pictures are made smaller than this; some 150 kB a frame."""

_QUALITY = 80
_ALPHA = 0.5


@dataclass(frozen=True, eq=False)
class FramePicture:
    """A frame that is shown.

    Args:
        which: 'worst' or 'best'.
        part: the place of the bag or folder it is from.
        name: of the frame.
        figure: the figure by which it was chosen.
        value: that figure of the frame, a share.
        width: of the pictures, in pixels.
        height: likewise.
        image: JPEG; None where there is no image.
        overlay: JPEG, the prediction over the image; None where one of the two is not there.
        label: PNG, the classes in their colours; None without a label.
        prediction: PNG, likewise.
        difference: JPEG; None without a label or a prediction.
    """

    which: str
    part: int
    name: str
    figure: str
    value: float
    width: int
    height: int
    image: bytes | None = None
    overlay: bytes | None = None
    label: bytes | None = None
    prediction: bytes | None = None
    difference: bytes | None = None


def draw_pictures(
    result: EvaluationResult,
    sources: Sequence[FrameSource | None],
    segmenter: Segmenter | None,
    *,
    count: int = 5,
) -> list[FramePicture]:
    """Draws the worst and the best frames, the worst first.

    The sources are gone through once more, and only the masks of these frames are made again.

    Args:
        result: what was found.
        sources: those of its parts, in their order; None leaves out the frames of a part.
        segmenter: the network that was judged; None where the masks are in the sources.
        count: how many of each at most; a frame is shown once.

    Raises:
        DataError: if the sources are of other parts, or a frame is not there any more.
    """
    if len(sources) != len(result.parts):
        raise DataError(
            f'{len(sources)} folders and bags were given for pictures of {len(result.parts)}; '
            'give those that were evaluated, in their order'
        )
    figure, found = leading_figure(result), extreme_rows(result, count)
    wanted = {(row.part, row.name): ('best', value) for row, value in found['best']}
    # In a small set a frame may be both; it is the worst then.
    wanted |= {(row.part, row.name): ('worst', value) for row, value in found['worst']}
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
            drawn[key] = _draw(frame, part, wanted[key], figure, result.matching, segmenter)
            if not names:
                break
        if names:
            raise DataError(
                f'{source.describe()["given"]} has no frame {sorted(names)[0]!r} any more; '
                'pictures can be made of the frames that were evaluated only'
            )
    ordered = [(row.part, row.name) for row, _ in (*found['worst'], *found['best'])]
    return [drawn[key] for key in dict.fromkeys(ordered) if key in drawn]


def _draw(
    frame: SourceFrame,
    part: int,
    chosen: tuple[str, float],
    figure: str,
    matching: Matching,
    segmenter: Segmenter | None,
) -> FramePicture:
    mask, image, label = frame.mask, frame.image, frame.label
    if segmenter is not None and image is not None:
        mask = segmenter.segment([image])[0].class_ids
    plane = next((p for p in (image, mask, label) if p is not None), None)
    if plane is None:
        raise DataError(f'the frame {frame.name} has neither image nor mask nor label')
    width, height = _size(plane)
    small = None if image is None else _area(image, width, height)
    pictures: dict[str, bytes] = {}
    if small is not None:
        pictures['image'] = encode_jpeg(small, quality=_QUALITY)
    if mask is not None:
        near = _nearest(mask, width, height)
        pictures['prediction'] = _png(_palette(matching.network)[near])
        if small is not None:
            over = _blend(small, near, matching.network)
            pictures['overlay'] = encode_jpeg(over, quality=_QUALITY)
    if label is not None:
        near_label = _nearest(label, width, height)
        pictures['label'] = _png(_palette(matching.truth)[near_label])
    if label is not None and mask is not None:
        differs = _nearest(difference_ids(label, mask, matching), width, height)
        pictures['difference'] = encode_jpeg(paint_difference(differs, small), quality=_QUALITY)
    which, value = chosen
    return FramePicture(which, part, frame.name, figure, value, width, height, **pictures)


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
