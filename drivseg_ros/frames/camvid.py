# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CamVid: the authors' 32 classes in colours, and the 11 classes that SegNet made of them.

Sources: Brostow et al. 2009 (names, colours), Badrinarayanan et al. 2017 (SegNet: the 11 classes
and the parts of 367, 101 and 233 frames). The road of the 11 classes holds the lane markings.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.labels import Color, Labels, plain_labels
from drivseg_ros.frames.paired_files import (
    FramePair,
    PairedFiles,
    images_in,
    pair_files,
    unused_labels,
)
from drivseg_ros.frames.split import Part
from drivseg_ros.model.card import UNLABELLED, ModelClass, Role

FOLDERS = {Part.TRAINING: 'train', Part.VALIDATION: 'val', Part.TEST: 'test'}

# Name: colour, and which of SegNet's classes it became; Void is unlabelled in both.
_TABLE: Mapping[str, tuple[Color, str]] = {
    'Animal': ((64, 128, 64), 'pedestrian'),
    'Archway': ((192, 0, 128), 'building'),
    'Bicyclist': ((0, 128, 192), 'bicyclist'),
    'Bridge': ((0, 128, 64), 'building'),
    'Building': ((128, 0, 0), 'building'),
    'Car': ((64, 0, 128), 'car'),
    'CartLuggagePram': ((64, 0, 192), 'pedestrian'),
    'Child': ((192, 128, 64), 'pedestrian'),
    'Column_Pole': ((192, 192, 128), 'pole'),
    'Fence': ((64, 64, 128), 'fence'),
    'LaneMkgsDriv': ((128, 0, 192), 'road'),
    'LaneMkgsNonDriv': ((192, 0, 64), 'road'),
    'Misc_Text': ((128, 128, 64), 'sign'),
    'MotorcycleScooter': ((192, 0, 192), 'bicyclist'),
    'OtherMoving': ((128, 64, 64), 'car'),
    'ParkingBlock': ((64, 192, 128), 'pavement'),
    'Pedestrian': ((64, 64, 0), 'pedestrian'),
    'Road': ((128, 64, 128), 'road'),
    'RoadShoulder': ((128, 128, 192), 'pavement'),
    'Sidewalk': ((0, 0, 192), 'pavement'),
    'SignSymbol': ((192, 128, 128), 'sign'),
    'Sky': ((128, 128, 128), 'sky'),
    'SUVPickupTruck': ((64, 128, 192), 'car'),
    'TrafficCone': ((0, 0, 64), 'pole'),
    'TrafficLight': ((0, 64, 64), 'sign'),
    'Train': ((192, 64, 128), 'car'),
    'Tree': ((128, 128, 0), 'tree'),
    'Truck_Bus': ((192, 128, 192), 'car'),
    'Tunnel': ((64, 0, 64), 'building'),
    'VegetationMisc': ((192, 192, 0), 'tree'),
    'Wall': ((64, 192, 0), 'building'),
}
_VOID: Color = (0, 0, 0)
_ROADS = ('Road', 'LaneMkgsDriv', 'road')

_ELEVEN: Mapping[str, Color] = {
    'sky': (128, 128, 128),
    'building': (128, 0, 0),
    'pole': (192, 192, 128),
    'road': (128, 64, 128),
    'pavement': (60, 40, 222),
    'tree': (128, 128, 0),
    'sign': (192, 128, 128),
    'fence': (64, 64, 128),
    'car': (64, 0, 128),
    'pedestrian': (64, 64, 0),
    'bicyclist': (0, 128, 192),
}


def _role(name: str) -> Role:
    return Role.DRIVABLE if name in _ROADS else Role.NONE


CAMVID_CLASSES = tuple(
    ModelClass(i, name, color, _role(name)) for i, (name, (color, _)) in enumerate(_TABLE.items())
)
"""The authors' classes without Void, in the order of their list."""

CAMVID11_CLASSES = tuple(
    ModelClass(i, name, color, _role(name)) for i, (name, color) in enumerate(_ELEVEN.items())
)
"""SegNet's classes in SegNet's order."""

LABELS = {
    32: Labels(
        'CamVid',
        CAMVID_CLASSES,
        {},
        {**{c.color: c.id for c in CAMVID_CLASSES}, _VOID: UNLABELLED},
    ),
    11: Labels(
        'CamVid, 11 classes',
        CAMVID11_CLASSES,
        {},
        {
            **{color: list(_ELEVEN).index(group) for color, group in _TABLE.values()},
            _VOID: UNLABELLED,
        },
    ),
}
SEGNET_VOID = 11


def open_camvid(
    root: Path,
    parts: tuple[Part, ...],
    *,
    classes: int = 32,
    images: str = '701_StillsRaw_full',
    labels: str = 'LabeledApproved_full',
) -> PairedFiles:
    """The authors' 701 frames with labels in colours.

    Args:
        root: The folder that holds the two others.
        parts: Training, validation, test: SegNet's division, by sequence and frame number.
        classes: 32, the authors' (Void is unlabelled), or 11, SegNet's.
        images: Name of the images' folder.
        labels: Name of the labels' folder.

    Raises:
        DataError: If a folder or a label is missing.
        ParameterError: If there is no such number of classes.
    """
    if classes not in LABELS:
        raise ParameterError(f'CamVid has no {classes!r} classes; 32 or 11 are allowed')
    found = [
        image
        for image in images_in(root / images, what='CamVid')
        if part_of_frame(image.stem) in parts
    ]
    pairs = pair_files(
        found,
        label_of=lambda image: root / labels / f'{image.stem}_L.png',
        group_of=sequence_of,
    )
    return PairedFiles(
        f'camvid ({", ".join(part.value for part in parts)})',
        LABELS[classes],
        pairs,
        unused_labels(pairs, '*_L.png') if set(parts) == set(FOLDERS) else (),
    )


def open_segnet(root: Path, parts: tuple[Part, ...]) -> PairedFiles:
    """The frames as SegNet's authors gave them out: 480x360, 11 classes, 11 is unlabelled.

    Args:
        root: The folder with train/, trainannot/, val/, valannot/, test/, testannot/.
        parts: Training, validation, test.

    Raises:
        DataError: If a folder or a label is missing.
    """
    pairs: list[FramePair] = []
    for part in parts:
        folder = root / FOLDERS[part]
        truth = root / f'{FOLDERS[part]}annot'
        pairs += pair_files(
            images_in(folder, what="CamVid, SegNet's layout"),
            label_of=lambda image, truth=truth: truth / f'{image.stem}.png',  # type: ignore[misc]
            group_of=sequence_of,
        )
    return PairedFiles(
        f'camvid_segnet ({", ".join(part.value for part in parts)})',
        plain_labels('CamVid, SegNet', CAMVID11_CLASSES, unlabelled=(SEGNET_VOID,)),
        tuple(pairs),
        unused_labels(pairs),
    )


def sequence_of(name: str) -> str:
    """The sequence of a frame: 0001TP, 0006R0, 0016E5 or Seq05VD."""
    return name.split('_', 1)[0]


def part_of_frame(name: str) -> Part:
    """The part that SegNet's lists give a frame, as a rule on its name.

    The sequences 0001TP and 0016E5 are cut at a frame number, so that neighbours at the cut are in
    two parts; the lists are what the literature uses.

    Raises:
        DataError: If the name is not one of CamVid's.
    """
    sequence, _, frame = name.partition('_')
    number = int(frame.lstrip('f')) if frame.lstrip('f').isdigit() else None
    if number is not None:
        if sequence == '0001TP':
            return Part.TRAINING if number <= 8520 else Part.TEST
        if sequence == '0016E5':
            return Part.VALIDATION if 7959 <= number <= 8159 else Part.TRAINING
        if sequence == '0006R0':
            return Part.TRAINING
        if sequence == 'Seq05VD':
            return Part.TEST
    raise DataError(
        f"CamVid: '{name}' is no frame of it; names are like 0001TP_006690, 0016E5_07959, "
        '0006R0_f00930 and Seq05VD_f00000'
    )
