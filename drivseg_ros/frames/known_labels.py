# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the values in labels mean, as a user says it: a name, a file, or a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drivseg_ros.base.yaml_data import read_yaml
from drivseg_ros.errors import ModelError, ParameterError
from drivseg_ros.frames import bdd100k, camvid, cityscapes, kitti_road
from drivseg_ros.frames.classes import parse_classes
from drivseg_ros.frames.labels import Labels, own_colors, plain_labels
from drivseg_ros.frames.matching import Area
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass, Role
from drivseg_ros.model.store import find_model

_SUFFIXES = ('.yaml', '.yml')
_KEYS = ('description', 'classes', 'unlabelled', 'truth')

_DRIVABLE = (
    ModelClass(0, 'not_drivable', (0, 0, 0)),
    ModelClass(1, 'drivable', (46, 204, 113), Role.DRIVABLE),
)


def _named(name: str, labels: Labels, **changes: Any) -> Labels:
    """Labels of a data set by their ids as well, where its files have colours."""
    ids = labels.values or {c.id: c.id for c in labels.classes}
    return dataclasses.replace(labels, name=name, values=ids, **changes)


KNOWN_LABELS: Mapping[str, Labels] = {
    labels.name: labels
    for labels in (
        plain_labels('bdd100k', BDD100K_CLASSES),
        _named('bdd100k_first_release', bdd100k.FIRST_RELEASE),
        plain_labels('drivable', _DRIVABLE),
        _named('kitti_road', kitti_road.ROAD),
        _named('kitti_lane', kitti_road.LANE),
        _named('camvid', camvid.LABELS[32]),
        _named('camvid11', camvid.LABELS[11], unlabelled=(camvid.SEGNET_VOID,)),
        _named('cityscapes', cityscapes.CLASSES_BY_ID),
        _named('cityscapes_train_ids', cityscapes.TRAIN_IDS),
        _named('cityscapes_categories', cityscapes.CATEGORIES_BY_ID),
    )
}
"""The labels of well-known data sets by name."""


def read_labels(text: str | Path) -> Labels:
    """What values mean, as the options --labels and --mask-classes say it.

    Args:
        text: a name of KNOWN_LABELS; the path of a YAML file (a map, or a classes.yaml); or the
            name or path of a model, whose class ids the values are then.

    Raises:
        ParameterError: if there is none of these, or it is not valid.
    """
    path = Path(text)
    if path.suffix in _SUFFIXES:
        return _read_file(path)
    if str(text) in KNOWN_LABELS:
        return KNOWN_LABELS[str(text)]
    try:
        card = find_model(text).card
    except ModelError as error:
        raise ParameterError(
            f'what labels mean is given as {str(text)!r}, which is no label map (known are '
            f'{", ".join(KNOWN_LABELS)}, or give a .yaml file: docs/evaluating.md, Labels) and no '
            f'model: {error}'
        ) from None
    return plain_labels(card.name, card.classes)


def _read_file(path: Path) -> Labels:
    content = read_yaml(path, 'a label map', error=ParameterError)
    if isinstance(content, list):
        return plain_labels(path.stem, parse_classes(content))
    return _parse(path.stem, content)


def _parse(name: str, content: Any) -> Labels:
    what = f'the label map {name!r}'
    if not isinstance(content, Mapping) or not set(content) <= set(_KEYS):
        raise ParameterError(f'{what} must have the keys {", ".join(_KEYS)}; given was {content!r}')
    entries = content.get('classes')
    if not isinstance(entries, Sequence) or not all(isinstance(e, Mapping) for e in entries):
        raise ParameterError(
            f'{what} has the classes {entries!r}; give a list of {{name, values, role, color}}'
        )
    try:
        classes = parse_classes([{k: v for k, v in e.items() if k != 'values'} for e in entries])
    except ParameterError as error:
        raise ParameterError(f'{what}: {error}') from None
    values: dict[int, int] = {}
    for c, entry in zip(classes, entries, strict=True):
        for value in _numbers(entry.get('values', [c.id]), f'class {c.name!r} of {what}'):
            if value in values:
                raise ParameterError(
                    f'in {what} the value {value} is both {classes[values[value]].name!r} and '
                    f'{c.name!r}; choose'
                )
            values[value] = c.id
    if not values:
        raise ParameterError(f'in {what} no class has a value; add them')
    truth = content.get('truth')
    try:
        areas = None if truth is None else tuple(Area(one) for one in truth)
    except (TypeError, ValueError):
        raise ParameterError(
            f'{what} is the truth of {truth!r}; give a list of {", ".join(f.value for f in Area)}'
        ) from None
    for area in areas or ():
        if not area.ids(classes):
            raise ParameterError(
                f'{what} is to be the truth of {area.value}, and no class of it has such a role'
            )
    unlabelled = _numbers(content.get('unlabelled', []), f'unlabelled of {what}')
    return Labels(name, classes, values, own_colors(classes), unlabelled, areas)


def _numbers(given: Any, what: str) -> tuple[int, ...]:
    if not isinstance(given, Sequence) or any(type(v) is not int for v in given):
        raise ParameterError(f'{what} has the values {given!r}; give a list of whole numbers')
    return tuple(given)
