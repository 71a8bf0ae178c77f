# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From the ids of a data set's labels to what the loss understands.

The networks tell direct 0, alternative 1 and background 2 apart. Some data sets know less: they
say where road is, not whose lane it is. Their labels become targets that claim no more than they
know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.model_card import UNLABELLED

DIRECT = 0
ALTERNATIVE = 1
BACKGROUND = 2
ANY_DRIVABLE = 254
"""Target of pixels known to be drivable, lane unknown: the loss asks for direct + alternative."""

ALLOWED_TARGETS = (DIRECT, ALTERNATIVE, BACKGROUND, ANY_DRIVABLE, UNLABELLED)


@dataclass(frozen=True)
class TargetMapping:
    """What each label id of a data set says about direct, alternative and background.

    Args:
        name: The data set's name, for error messages.
        targets: Target by label id; ids that are not named must not occur in a label.

    Raises:
        ParameterError: If an id is not 0 to 255, or a target is not one of ALLOWED_TARGETS.
    """

    name: str
    targets: Mapping[int, int]

    def __post_init__(self) -> None:
        if not self.targets:
            raise ParameterError(f'the mapping of {self.name!r} is empty; name its label ids')
        for label, target in self.targets.items():
            if not 0 <= label <= 255:
                raise ParameterError(
                    f'the mapping of {self.name!r} names the label id {label}; '
                    'ids from 0 to 255 are allowed'
                )
            if target not in ALLOWED_TARGETS:
                raise ParameterError(
                    f'the mapping of {self.name!r} turns {label} into {target}; '
                    f'allowed are {", ".join(map(str, ALLOWED_TARGETS))}'
                )

    def apply(self, label: np.ndarray) -> np.ndarray:
        """Turn a label, uint8 [H, W], into a target, uint8 [H, W].

        Raises:
            ParameterError: If the label is no uint8 plane, or has an id the mapping lacks.
        """
        if label.dtype != np.uint8 or label.ndim != 2:
            raise ParameterError(
                f'a label of {self.name!r} is {label.dtype} {list(label.shape)}; '
                'one uint8 channel [H, W] is needed'
            )
        missing = np.setdiff1d(np.unique(label), list(self.targets))
        if missing.size:
            raise ParameterError(
                f'a label of {self.name!r} has the ids {missing.tolist()}; the mapping knows '
                f'{sorted(self.targets)}; name the others or set them to {UNLABELLED}'
            )
        table = np.full(256, UNLABELLED, np.uint8)
        table[list(self.targets)] = list(self.targets.values())
        return table[label]


LANES = TargetMapping('labels by lane', {0: DIRECT, 1: ALTERNATIVE, 2: BACKGROUND, 255: UNLABELLED})
"""BDD100K's three classes as they are."""

KITTI_ROAD = TargetMapping('KITTI road', {0: BACKGROUND, 1: ANY_DRIVABLE, 255: UNLABELLED})
"""Road may be an oncoming lane: see `keep_drivable` in `cache`."""

CAMVID = TargetMapping(
    'CamVid', {3: ANY_DRIVABLE, 255: UNLABELLED, **{i: BACKGROUND for i in range(11) if i != 3}}
)
"""Class 3 is road, lane markings included; everything else is not for driving."""
