# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random views of a labelled frame: another camera, another light, another weather.

Everything is drawn from the generator that is handed in, so a seed gives the same view again.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.model_card import UNLABELLED


@dataclass(frozen=True)
class Augmentation:
    """How strongly frames are varied; strength 0 only resizes.

    Args:
        zoom_in: Largest magnification; the zoom is log-uniform between 1 / zoom_out and zoom_in.
        zoom_out: Largest reduction, as a factor of at least 1.
        aspect: Largest change of the aspect ratio, as a factor.
        rotation: Largest rotation in degrees.
        shift: Largest shift as a share of the free play that the zoom leaves, plus 5 %.
        flip: Probability of a mirrored frame. Below one half, because traffic keeps to the right
            in most of the data, and a mirrored street teaches that oncoming lanes are ours.
        light: Probability of a changed exposure, contrast, gamma and colour.
        weather: Probability of each of noise, blur, rain and shadow.

    Raises:
        ParameterError: If a value is out of range.
    """

    zoom_in: float = 1.6
    zoom_out: float = 1.25
    aspect: float = 1.2
    rotation: float = 3.0
    shift: float = 1.0
    flip: float = 0.3
    light: float = 0.8
    weather: float = 0.12

    def __post_init__(self) -> None:
        for name in ('zoom_in', 'zoom_out', 'aspect'):
            if not 1.0 <= getattr(self, name) <= 4.0:
                raise ParameterError(f'{name} is {getattr(self, name)}; 1 to 4 is allowed')
        for name in ('shift', 'flip', 'light', 'weather'):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ParameterError(f'{name} is {getattr(self, name)}; 0 to 1 is allowed')
        if not 0.0 <= self.rotation <= 45.0:
            raise ParameterError(f'rotation is {self.rotation}; 0 to 45 degrees is allowed')

    def __call__(
        self,
        image: np.ndarray,
        target: np.ndarray,
        rng: np.random.Generator,
        *,
        width: int,
        height: int,
        target_stride: int = 1,
    ) -> tuple[np.ndarray, np.ndarray]:
        """A random view.

        Args:
            image: uint8 [H, W, 3] RGB.
            target: uint8 [H, W].
            rng: Where chance comes from.
            width: Width of the view.
            height: Height of the view.
            target_stride: The target is made at 1 / target_stride of the view's size.

        Returns:
            Image uint8 [height, width, 3] and target uint8 [height / s, width / s]; what lies
            outside the frame is grey, and unlabelled.
        """
        matrix = self._view(rng, image.shape[1], image.shape[0], width, height)
        view = cv2.warpAffine(
            image,
            matrix[:2],
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(114, 114, 114),
        )
        shrink = centre_scaling(1.0 / target_stride, 1.0 / target_stride)
        labels = cv2.warpAffine(
            target,
            (shrink @ matrix)[:2],
            (width // target_stride, height // target_stride),
            flags=cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=UNLABELLED,
        )
        if rng.random() < self.light:
            view = change_light(view, rng)
        if rng.random() < self.weather:
            view = add_shadow(view, rng)
        if rng.random() < self.weather:
            view = add_rain(view, rng)
        if rng.random() < self.weather:
            view = cv2.GaussianBlur(view, (0, 0), float(rng.uniform(0.4, 1.5)))
        if rng.random() < self.weather:
            view = add_noise(view, rng)
        return view, labels

    def _view(
        self, rng: np.random.Generator, in_width: int, in_height: int, width: int, height: int
    ) -> np.ndarray:
        """Affine 3x3 matrix from pixels of the frame to pixels of the view."""
        zoom = np.exp(rng.uniform(-np.log(self.zoom_out), np.log(self.zoom_in)))
        aspect = np.exp(rng.uniform(-1, 1) * np.log(self.aspect) / 2)
        zoom_x, zoom_y = zoom * aspect, zoom / aspect
        angle = np.deg2rad(rng.uniform(-1, 1) * self.rotation)
        mirror = -1.0 if rng.random() < self.flip else 1.0
        play = np.abs([zoom_x - 1.0, zoom_y - 1.0]) / 2 + 0.05 * (self.shift > 0)
        shift_x, shift_y = rng.uniform(-1, 1, 2) * play * self.shift
        # In units of the frame's and the view's half size, round their centres; the rotation is
        # made in square pixels.
        ratio = width / height
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, -sin / ratio, 0], [sin * ratio, cos, 0], [0, 0, 1]])
        scale = np.array([[mirror * zoom_x, 0, 2 * shift_x], [0, zoom_y, 2 * shift_y], [0, 0, 1]])
        return from_centre(width, height) @ turn @ scale @ to_centre(in_width, in_height)


def to_centre(width: int, height: int) -> np.ndarray:
    """3x3 matrix from pixel indices to -1...1 over the image (pixel centres lie at i + 0.5)."""
    return np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1]])


def from_centre(width: int, height: int) -> np.ndarray:
    """Inverse of `to_centre`."""
    return np.array([[width / 2, 0, (width - 1) / 2], [0, height / 2, (height - 1) / 2], [0, 0, 1]])


def centre_scaling(x: float, y: float) -> np.ndarray:
    """3x3 matrix on pixel indices that scales about the image's corner, not a pixel's centre."""
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def change_light(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposure, contrast, gamma (one time in seven: night), white balance and saturation."""
    ramp = np.arange(256) / 255.0
    night = rng.random() < 1 / 7
    gamma = np.exp(rng.uniform(0.2, 0.9) if night else rng.uniform(-0.4, 0.4))
    gain = rng.uniform(0.35, 0.8) if night else rng.uniform(0.7, 1.3)
    # Contrast turns about middle grey by day; by night that would leave only black.
    contrast, pivot = (1.0, 0.0) if night else (rng.uniform(0.75, 1.3), 0.4)
    balance = rng.uniform(0.9, 1.1, 3)
    curve = (ramp[:, None] ** gamma - pivot) * contrast + pivot
    table = np.clip(curve * gain * balance * 255.0 + rng.uniform(-12, 12), 0, 255).astype(np.uint8)
    image = cv2.LUT(image, table.reshape(1, 256, 3))
    if rng.random() < 0.5:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        saturation = float(rng.uniform(0.2, 1.4))
        image = cv2.addWeighted(image, saturation, grey, 1.0 - saturation, 0.0)
    return image


def add_noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sensor noise with a deviation of 3 to 15 grey levels."""
    cv2.setRNGSeed(int(rng.integers(2**31 - 1)))
    noise = np.empty(image.shape, np.int16)
    cv2.randn(noise, np.zeros(3), np.full(3, rng.uniform(3, 15)))
    return cv2.add(image, noise, dtype=cv2.CV_8U)


def add_rain(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bright slanted streaks, and the haze that comes with them."""
    height, width = image.shape[:2]
    streaks = np.zeros_like(image)
    slant = rng.uniform(-0.3, 0.3)
    for _ in range(int(rng.integers(40, 160))):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        length = int(rng.integers(max(2, height // 36), max(3, height // 9)))
        level = int(rng.integers(60, 160))
        cv2.line(streaks, (x, y), (int(x + slant * length), y + length), (level,) * 3, 1)
    streaks = cv2.blur(streaks, (1, 3))
    haze = float(rng.uniform(0, 0.25))
    return cv2.addWeighted(
        cv2.addWeighted(image, 1 - haze, streaks, 0.7, 0), 1, np.full_like(image, 128), haze, 0
    )


def add_shadow(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A darker polygon somewhere in the lower part, as of a house or a tree."""
    height, width = image.shape[:2]
    corners = rng.uniform(0, 1, (4, 2)) * (width, 0.7 * height) + (0, 0.3 * height)
    centre = corners.mean(axis=0)
    order = np.argsort(np.arctan2(*(corners - centre).T[::-1]))
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [corners[order].astype(np.int32)], 255, lineType=cv2.LINE_AA)
    dark = cv2.convertScaleAbs(image, alpha=float(rng.uniform(0.35, 0.75)))
    return np.where(mask[..., None] > 127, dark, image)
