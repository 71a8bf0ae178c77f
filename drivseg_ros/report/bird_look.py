# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Overlays with the drivable space from above at their right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.drawing import BirdView, Guides
from drivseg_ros.ground.space import DrivableSpace
from drivseg_ros.images.overlay import Look, draw_overlay
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.report.camera_file import CameraFile


@dataclass(frozen=True, kw_only=True)
class BirdLook(Look):
    """An overlay with horizon and distances, and the same from above beside it.

    Attributes:
        camera: the camera that took the images, in whatever size.

    Raises:
        ParameterError: if alpha is out of range, or the camera does not see its grid.
    """

    camera: CameraFile

    def __post_init__(self) -> None:
        super().__post_init__()
        _tables(self.camera, self.camera.intrinsics.width, self.camera.intrinsics.height)

    def draw(self, image: np.ndarray, segmentation: Segmentation) -> np.ndarray:
        """See `Look`. What the grid does not know is dim.

        Raises:
            ParameterError: if the image is none of this camera.
        """
        space, guides, view = _tables(self.camera, image.shape[1], image.shape[0])
        overlay = draw_overlay(image, segmentation, alpha=self.alpha)
        look = space.look(segmentation.class_ids, drivable_ids=segmentation.card.drivable_ids)
        pictures = [guides.draw(overlay), view.draw(overlay, look.grid)]
        return np.hstack([image, *pictures] if self.side_by_side else pictures)


@lru_cache(maxsize=4)
def _tables(camera: CameraFile, width: int, height: int) -> tuple[DrivableSpace, Guides, BirdView]:
    ground = GroundCamera(camera.intrinsics.at_size(width, height), camera.pose)
    view = BirdView(ground, camera.spec, height=height)
    return DrivableSpace(ground, camera.spec), Guides(ground), view
