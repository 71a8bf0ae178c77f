# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a data set's labels are the truth of, and which classes of a network answer which of them.

BDD100K's "drivable" leaves oncoming lanes out; KITTI's and CamVid's "road" has them in. So a truth
is one of the two, and its figures never stand in a column with the other's.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from drivseg_ros.model.card import DRIVABLE_ROLES, ROAD_ROLES, ModelClass, Role


class Figure(str, enum.Enum):
    """An IoU by role: of all pixels with certain roles, taken as one class."""

    DRIVABLE = 'drivable'
    """Where one may drive: direct, alternative, drivable."""
    ROAD = 'road'
    """All road surface: those and the role road."""
    EGO_LANE = 'ego_lane'
    """The lane one drives in: direct alone."""

    def ids(self, classes: Sequence[ModelClass]) -> tuple[int, ...]:
        """The classes of a network or data set that are meant."""
        roles = {
            Figure.DRIVABLE: DRIVABLE_ROLES,
            Figure.ROAD: ROAD_ROLES,
            Figure.EGO_LANE: (Role.DIRECT,),
        }[self]
        return tuple(c.id for c in classes if c.role in roles)


def figures_of(truth: Sequence[ModelClass]) -> tuple[Figure, ...]:
    """The figures by role that a data set's labels can judge.

    Lanes (direct and alternative) are a truth of where one may drive; the ego lane alone is one of
    its own. The role drivable alone is a truth of where one may drive if the class is called so,
    and of the whole road if it is called otherwise (road, lane marking): no such data set tells
    directions apart. A class of the role road makes it a truth of the road in any case.

    Args:
        truth: the data set's classes.
    """
    roles = {c.role for c in truth}
    found: list[Figure] = []
    if Role.ALTERNATIVE in roles:
        found.append(Figure.DRIVABLE)
    elif Role.DIRECT in roles:
        found.append(Figure.EGO_LANE)
    elif Role.DRIVABLE in roles:
        named = any('drivable' in c.name.lower() for c in truth if c.role is Role.DRIVABLE)
        found.append(Figure.DRIVABLE if named or Role.ROAD in roles else Figure.ROAD)
    if Role.ROAD in roles:
        found.append(Figure.ROAD)
    return tuple(found)


def answers(truth: Sequence[ModelClass], network: Sequence[ModelClass]) -> tuple[int, ...] | None:
    """The class of a data set that each class of a network answers, if they can be matched.

    Equal names are the same class. Otherwise the role decides: a lane is drivable or road where
    lanes are not told apart; road that is not ours to drive is none of a truth of drivable area.

    Args:
        truth: the data set's classes.
        network: the network's classes.

    Returns:
        By class id of the network an id of the truth. None if a class fits none, or several: the
        network tells less, or other things, apart than the truth does. None also if nothing
        answers one of the truth's classes.
    """
    by_name = {c.name: c.id for c in truth}
    whole_road = Figure.ROAD in figures_of(truth)
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


def _fitting_roles(role: Role, there: set[Role], *, whole_road: bool) -> set[Role]:
    """The roles in a truth that are the same as a network's role, as far as the truth tells."""
    if role is Role.NONE:
        return {Role.NONE}
    if role is Role.ROAD:
        if Role.ROAD in there:
            return {Role.ROAD}
        return {Role.DRIVABLE} if whole_road else {Role.NONE}
    if role in there:
        return {role}
    if role is Role.DRIVABLE:
        # Lanes are told apart there, and not here.
        return set() if there & {Role.DIRECT, Role.ALTERNATIVE} else {Role.ROAD}
    if Role.DRIVABLE in there or Role.ROAD in there:
        return {Role.DRIVABLE} if Role.DRIVABLE in there else {Role.ROAD}
    # A truth of the ego lane alone: other lanes are the rest.
    return {Role.NONE}
