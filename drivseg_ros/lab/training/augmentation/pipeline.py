# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The variations of a frame as torchvision's transforms (v2), from the scene to the sensor.

Mirroring, colour and the play of chance are torchvision's. Night, shadow, rain, cut exposure and
noise of varying strength it lacks; its affine maps and blurs take ten and twenty times as long as
OpenCV's (13 and 9 ms of one thread at 640 x 360). Those are transforms of ours on its tensors.

All chance comes from torch's generator, which is set for one frame and put back afterwards.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import MissingDependencyError
from drivseg_ros.lab.training.augmentation.bonnet import add_bonnet
from drivseg_ros.lab.training.augmentation.config import Augmentation
from drivseg_ros.lab.training.augmentation.geometry import (
    draw_view,
    resize_plane,
    view_image,
    view_plane,
)
from drivseg_ros.lab.training.augmentation.light import add_shadow, change_exposure, make_night
from drivseg_ros.lab.training.augmentation.rain import add_rain
from drivseg_ros.lab.training.augmentation.sensor import add_blur, add_noise
from drivseg_ros.lab.training.augmentation.windscreen import add_glare, add_reflection

try:
    import torch
    from torchvision import tv_tensors
    from torchvision.transforms import v2
except (ImportError, RuntimeError) as error:
    # A torchvision made for another torch raises a RuntimeError.
    raise MissingDependencyError(
        'augmentation needs torchvision made for the installed torch, which cannot be imported '
        f'({error}): {install_hint("train")}, or switch augmentation off'
    ) from None

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class RandomView(v2.Transform):
    """Zoom, aspect, rotation and shift with the resizing to the view's size, in one map.

    Args:
        config: The ranges.
        size: Width and height of the image's view.
        plane_size: Those of the planes' views.
    """

    _transformed_types = (tv_tensors.Image, tv_tensors.Mask)

    def __init__(
        self, config: Augmentation, size: tuple[int, int], plane_size: tuple[int, int]
    ) -> None:
        super().__init__()
        self.config = config
        self.size = size
        self.plane_size = plane_size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draws the view."""
        names = ('zoom_in', 'zoom_out', 'aspect', 'rotation', 'shift')
        ranges = {name: getattr(self.config, name) for name in names}
        return {'view': draw_view(_rng(), **ranges)}

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        """Shows an image or a plane."""
        if isinstance(inpt, tv_tensors.Mask):
            return _mask(view_plane(inpt.numpy(), params['view'], *self.plane_size))
        return _image(view_image(_pixels(inpt), params['view'], *self.size))


class Bonnet(v2.Transform):
    """Draws a bonnet over the image, and marks it in the planes.

    Args:
        hidden: What each plane holds where it is, in the planes' order.
        plane_size: Width and height of the planes.
    """

    _transformed_types = (tv_tensors.Image, tv_tensors.Mask)

    def __init__(self, hidden: tuple[int, ...], plane_size: tuple[int, int]) -> None:
        super().__init__()
        self.hidden = hidden
        self.plane_size = plane_size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draws the bonnet."""
        image = next(i for i in flat_inputs if isinstance(i, tv_tensors.Image))
        drawn, cover = add_bonnet(_pixels(image), _rng())
        covered = torch.from_numpy(resize_plane(cover, *self.plane_size) > 127)
        return {'image': _image(drawn), 'covered': covered, 'hidden': iter(self.hidden)}

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        """The image with the bonnet, or a plane in which it is marked."""
        if isinstance(inpt, tv_tensors.Mask):
            value = torch.tensor(next(params['hidden']), dtype=torch.uint8)
            return tv_tensors.Mask(torch.where(params['covered'], value, inpt))
        return params['image']


class PictureChange(v2.Transform):
    """A change of the image's pixels that leaves everything where it is.

    Args:
        change: Takes uint8 [H, W, 3] and a generator, gives another image.
    """

    _transformed_types = (tv_tensors.Image,)

    def __init__(self, change: Change) -> None:
        super().__init__()
        self.change = change

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draws the generator."""
        return {'rng': _rng()}

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        """Changes an image."""
        return _image(self.change(_pixels(inpt), params['rng']))


@functools.lru_cache(maxsize=8)
def build_pipeline(
    config: Augmentation,
    size: tuple[int, int],
    plane_size: tuple[int, int],
    hidden: tuple[int, ...] = (),
) -> v2.Transform:
    """A transform of tuples of one Image [3, H, W] and Masks [h, w].

    Args:
        config: What is varied, and how strongly.
        size: Width and height of the image's view.
        plane_size: Those of the planes' views.
        hidden: What each plane holds where a bonnet covers the frame.
    """
    light = v2.ColorJitter(brightness=0.3, contrast=0.25, saturation=0.5)
    by_chance = [
        (config.exposure, PictureChange(change_exposure)),
        (config.color, light),
        (config.night, PictureChange(make_night)),
        (config.shadow, PictureChange(add_shadow)),
        (config.bonnet, Bonnet(hidden, plane_size)),
        (config.rain, PictureChange(add_rain)),
        (config.reflection, PictureChange(add_reflection)),
        (config.glare, PictureChange(add_glare)),
        (config.blur, PictureChange(add_blur)),
        (config.noise, PictureChange(add_noise)),
    ]
    return v2.Compose(
        [
            RandomView(config, size, plane_size),
            v2.RandomHorizontalFlip(config.flip),
            *(v2.RandomApply([change], p) for p, change in by_chance if p > 0),
        ]
    )


def vary(
    config: Augmentation,
    image: np.ndarray,
    planes: Sequence[np.ndarray],
    seed: int | Sequence[int],
    *,
    size: tuple[int, int],
    plane_size: tuple[int, int],
    hidden: tuple[int, ...],
) -> tuple[np.ndarray, list[np.ndarray]]:
    """A random view; see `view_of`."""
    pipeline = build_pipeline(config, size, plane_size, hidden)
    with _seeded(seed):
        # Tensors cannot be made of read-only arrays, nor of views that turn colours round.
        frame = (_image(_owned(image)), *(_mask(_owned(plane)) for plane in planes))
        varied, *masks = pipeline(*frame) if planes else (pipeline(*frame),)
    return np.ascontiguousarray(_pixels(varied)), [np.ascontiguousarray(m.numpy()) for m in masks]


@contextmanager
def _seeded(seed: int | Sequence[int]) -> Iterator[None]:
    """Inside, torch's generator starts from a seed; outside it goes on as before."""
    before = torch.get_rng_state()
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    torch.default_generator.manual_seed(int(state[0] >> np.uint64(1)))
    try:
        yield
    finally:
        torch.set_rng_state(before)


def _rng() -> np.random.Generator:
    """A generator of numpy's that hangs on torch's."""
    return np.random.default_rng(int(torch.randint(2**62, ())))


def _owned(array: np.ndarray) -> np.ndarray:
    return array if array.flags.writeable and min(array.strides) > 0 else array.copy()


def _image(pixels: np.ndarray) -> tv_tensors.Image:
    """uint8 [H, W, 3] as a tensor [3, H, W] on the same memory."""
    return tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1))


def _pixels(image: torch.Tensor) -> np.ndarray:
    """The way back; OpenCV wants pixels whose channels lie together."""
    return image.permute(1, 2, 0).contiguous().numpy()


def _mask(plane: np.ndarray) -> tv_tensors.Mask:
    return tv_tensors.Mask(torch.from_numpy(plane))
