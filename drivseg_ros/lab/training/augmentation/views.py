# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A random view of a labelled frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.lab.training.augmentation.config import Augmentation
from drivseg_ros.lab.training.augmentation.geometry import resize_image, resize_plane
from drivseg_ros.model.card import UNLABELLED


def view_of(
    augmentation: Augmentation,
    image: np.ndarray,
    planes: Sequence[np.ndarray],
    seed: int | Sequence[int],
    *,
    width: int,
    height: int,
    target_stride: int = 1,
    covered: Sequence[int] = (),
) -> tuple[np.ndarray, list[np.ndarray]]:
    """A random view of a frame and of the planes over it, all seen alike.

    Without any variation a frame is resized exactly as `Segmenter` resizes it, and torchvision is
    not needed.

    Args:
        augmentation: What is varied, and how strongly.
        image: uint8 [H, W, 3] RGB, any strides; left alone.
        planes: uint8 [h, w] each, of any sizes, that cover the image: targets, hints.
        seed: Where all chance comes from, such as (seed, epoch, index): any process makes the
            same view of it. The random states of torch, numpy and Python are left as they
            were; OpenCV's is not, for it cannot be read.
        width: Width of the view.
        height: Height of the view.
        target_stride: Planes are made at 1 / target_stride of the view's size.
        covered: What each plane holds where a bonnet is drawn over the frame; without it, 255,
            unlabelled.

    Returns:
        Image uint8 [height, width, 3] and planes uint8 [height / s, width / s], new. What lies
        outside the frame is grey and, in the planes, unlabelled.

    Raises:
        DataError: If the arrays are something else.
        ParameterError: If the stride does not divide the size, or `covered` is not one value a
            plane.
        MissingDependencyError: If there is variation to make and torchvision is not installed.
    """
    _check_frame(image, planes)
    if target_stride < 1 or width % target_stride or height % target_stride:
        raise ParameterError(
            f'a target stride of {target_stride} at {width} x {height}; a divisor of both is '
            'allowed'
        )
    if covered and len(covered) != len(planes):
        raise ParameterError(
            f'{len(covered)} values for what is covered, and {len(planes)} planes; give one a '
            'plane, or none'
        )
    small = (width // target_stride, height // target_stride)
    if augmentation.is_off:
        return resize_image(image, width, height), [resize_plane(p, *small) for p in planes]
    from drivseg_ros.lab.training.augmentation.pipeline import vary

    hidden = tuple(covered) or (UNLABELLED,) * len(planes)
    sizes = {'size': (width, height), 'plane_size': small}
    return vary(augmentation, image, planes, seed, **sizes, hidden=hidden)


def _check_frame(image: np.ndarray, planes: Sequence[np.ndarray]) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise DataError(
            f'an image to vary is {image.dtype} {list(image.shape)}; uint8 [H, W, 3] is needed'
        )
    for plane in planes:
        if plane.dtype != np.uint8 or plane.ndim != 2 or not plane.size:
            raise DataError(
                f'a plane to vary is {plane.dtype} {list(plane.shape)}; uint8 [H, W] is needed'
            )
