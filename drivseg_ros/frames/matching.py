# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ground-truth classes and a network's classes, matched by name and role.

BDD100K's "drivable" leaves oncoming lanes out; KITTI's and CamVid's "road" has them in. So labels
are ground truth of one of the two, and their IoU never stands in a column with the other's.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.model.card import DRIVABLE_ROLES, ROAD_ROLES, ModelClass, Role

if TYPE_CHECKING:
    from drivseg_ros.frames.labels import Labels


class Area(str, enum.Enum):
    """All pixels with certain roles, taken as one class."""

    DRIVABLE = 'drivable'
    """Where one may drive: direct, alternative, drivable."""
    ROAD = 'road'
    """All road surface: those and the role road."""
    EGO_LANE = 'ego_lane'
    """The lane one drives in: direct alone."""

    def ids(self, classes: Sequence[ModelClass]) -> tuple[int, ...]:
        """The classes of a network or of labels that belong to it."""
        roles = {
            Area.DRIVABLE: DRIVABLE_ROLES,
            Area.ROAD: ROAD_ROLES,
            Area.EGO_LANE: (Role.DIRECT,),
        }[self]
        return tuple(c.id for c in classes if c.role in roles)


@dataclass(frozen=True)
class Target:
    """A class or an area that labels show and a network predicts.

    Args:
        name: of the class, or of the area.
        by_role: whether it is an area.
        truth: the ids in the labels that belong to it.
        network: the ids in the network's mask that do.
    """

    name: str
    by_role: bool
    truth: tuple[int, ...]
    network: tuple[int, ...]

    def metric(self, what: str) -> str:
        """The name of a metric of it: 'iou/direct', 'drivable_iou'."""
        return f'{self.name}_{what}' if self.by_role else f'{what}/{self.name}'


@dataclass(frozen=True)
class Matching:
    """The classes of labels and the classes of a network.

    Args:
        truth: the labels' classes; ids 0, 1, 2, ...
        network: the network's, likewise.
        areas: the areas that the labels are ground truth of (`Labels.truth`).
    """

    truth: tuple[ModelClass, ...]
    network: tuple[ModelClass, ...]
    areas: tuple[Area, ...]

    @cached_property
    def answers(self) -> tuple[int, ...] | None:
        """By class of the network the class of the labels that it is; None: they do not match."""
        return answers(self.truth, self.network)

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """One for each class of the labels, if the network's match, and one for each area."""
        found = []
        if self.answers is not None:
            for c in self.truth:
                mine = tuple(i for i, answer in enumerate(self.answers) if answer == c.id)
                found.append(Target(c.name, False, (c.id,), mine))
        for area in self.areas:
            mine = area.ids(self.network)
            if mine:
                found.append(Target(area.value, True, area.ids(self.truth), mine))
        return tuple(found)

    @cached_property
    def unanswered(self) -> tuple[Area, ...]:
        """Areas that the labels show, of roles that no class of the network has."""
        return tuple(a for a in self.areas if not a.ids(self.network))

    @cached_property
    def truth_members(self) -> np.ndarray:
        """Whether a value in a label belongs to a target: bool [targets, 256]."""
        return _members([target.truth for target in self.targets])

    @cached_property
    def network_members(self) -> np.ndarray:
        """Whether a value in a mask does: bool [targets, 256]."""
        return _members([target.network for target in self.targets])


def match_classes(labels: Labels | None, network: Sequence[ModelClass]) -> Matching:
    """The one decision on what a network's masks are compared with.

    Args:
        labels: what the ground truth says; None: there is none.
        network: the network's classes.

    Raises:
        DataError: if neither all classes nor an area of the labels is the network's, too.
    """
    if labels is None:
        return Matching((), tuple(network), ())
    matching = Matching(labels.classes, tuple(network), labels.truth)
    if not matching.targets:
        raise DataError(
            f'the labels ({labels.name}) have the classes {class_titles(labels.classes)}; the '
            f'network has {class_titles(network)}: neither all classes nor a role are the same. '
            'Say what the values in the labels mean (--labels), or choose another network'
        )
    return matching


def areas_of(truth: Sequence[ModelClass]) -> tuple[Area, ...]:
    """The areas that labels with these classes are ground truth of.

    Lanes (direct and alternative) are ground truth of where one may drive; the ego lane alone is
    one of its own. The role drivable alone is ground truth of where one may drive if the class is
    called so, and of the whole road if it is called otherwise (road, lane marking): no such data
    set separates directions. A class of the role road makes it one of the road in any case.

    Args:
        truth: the labels' classes.
    """
    roles = {c.role for c in truth}
    found: list[Area] = []
    if Role.ALTERNATIVE in roles:
        found.append(Area.DRIVABLE)
    elif Role.DIRECT in roles:
        found.append(Area.EGO_LANE)
    elif Role.DRIVABLE in roles:
        named = any('drivable' in c.name.lower() for c in truth if c.role is Role.DRIVABLE)
        found.append(Area.DRIVABLE if named or Role.ROAD in roles else Area.ROAD)
    if Role.ROAD in roles:
        found.append(Area.ROAD)
    return tuple(found)


def answers(truth: Sequence[ModelClass], network: Sequence[ModelClass]) -> tuple[int, ...] | None:
    """The class of the labels that each class of a network is, if they can be matched.

    Equal names are the same class. Otherwise the role decides: a lane is drivable or road where
    lanes are not separated; road that is not ours to drive is outside a drivable area.

    Args:
        truth: the labels' classes.
        network: the network's classes.

    Returns:
        By class id of the network an id of the labels. None if a class fits none, or several: the
        network separates fewer, or other things than the labels do. None also if nothing is left
        for one of the labels' classes.
    """
    by_name = {c.name: c.id for c in truth}
    whole_road = Area.ROAD in areas_of(truth)
    found = []
    for c in network:
        if c.name in by_name:
            found.append(by_name[c.name])
            continue
        roles = _fitting_roles(c.role, {t.role for t in truth}, whole_road=whole_road)
        fitting = [t.id for t in truth if t.role in roles]
        if len(fitting) != 1:
            return None
        found.append(fitting[0])
    return tuple(found) if set(found) == set(by_name.values()) else None


def class_titles(classes: Sequence[ModelClass]) -> str:
    """What classes are called in messages: their names, and their roles where they have one."""
    return ', '.join(
        c.name if c.role is Role.NONE else f'{c.name} ({c.role.value})' for c in classes
    )


def _fitting_roles(role: Role, there: set[Role], *, whole_road: bool) -> set[Role]:
    """The roles in labels that are the same as a network's role, as far as labels separate them."""
    if role is Role.NONE:
        return {Role.NONE}
    if role is Role.ROAD:
        if Role.ROAD in there:
            return {Role.ROAD}
        return {Role.DRIVABLE} if whole_road else {Role.NONE}
    if role in there:
        return {role}
    if role is Role.DRIVABLE:
        # Lanes are separated there, and not here.
        return set() if there & {Role.DIRECT, Role.ALTERNATIVE} else {Role.ROAD}
    if Role.DRIVABLE in there or Role.ROAD in there:
        return {Role.DRIVABLE} if Role.DRIVABLE in there else {Role.ROAD}
    # Ground truth of the ego lane alone: other lanes are the rest.
    return {Role.NONE}


def _members(ids: Sequence[tuple[int, ...]]) -> np.ndarray:
    found = np.zeros((len(ids), 256), bool)
    for row, members in zip(found, ids, strict=True):
        row[list(members)] = True
    return found


def _describe(c: ModelClass) -> dict[str, Any]:
    return {'name': c.name, 'role': c.role.value, 'color': list(c.color)}


def _classes(content: Sequence[Mapping[str, Any]]) -> tuple[ModelClass, ...]:
    return tuple(
        ModelClass(i, c['name'], tuple(c['color']), Role(c['role'])) for i, c in enumerate(content)
    )
