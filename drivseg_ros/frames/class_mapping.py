# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a data set's classes to a network's, by name or by role.

A mapping is written in a recipe as

    map:
      road: [direct, alternative, other_road]   # one of these, unknown which
      sky: background
      void: null                                # unlabelled
      '*': background                           # every class that is not named above

`role:drivable` stands for all classes of that role, on both sides. Without a mapping, equal names
map to each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.model.card import UNLABELLED, ModelClass, Role

Targets = str | Sequence[str] | None
"""The network's classes that a data set's class may be; None: unlabelled."""

EVERYTHING_ELSE = '*'
_ROLE = 'role:'


@dataclass(frozen=True)
class ClassMapping:
    """Turns a data set's labels into targets of a network.

    Args:
        source: The data set's classes.
        allowed: By class of the data set, the ids of the network's classes it may be; an empty
            set leaves its pixels unlabelled.
        sets: The meaning of the targets' codes, shared by all data sets of a recipe.

    Raises:
        ParameterError: If the two first do not have one length, or a set has no code.
    """

    source: tuple[ModelClass, ...]
    allowed: tuple[frozenset[int], ...]
    sets: LabelSets

    def __post_init__(self) -> None:
        if len(self.source) != len(self.allowed):
            raise ParameterError(
                f'{len(self.source)} classes are mapped by {len(self.allowed)} entries; '
                'give one each'
            )
        self.table()

    def table(self) -> np.ndarray:
        """Code by label id, uint8 [256]; 255 where there is no class."""
        codes = np.full(256, UNLABELLED, np.uint8)
        for c, one in zip(self.source, self.allowed, strict=True):
            codes[c.id] = self.sets.code(one)
        return codes

    def apply(self, label: np.ndarray) -> np.ndarray:
        """The target of a label.

        Args:
            label: uint8 [H, W], ids of the data set's classes, 255 unlabelled.

        Returns:
            uint8 [H, W], codes of `sets`.

        Raises:
            DataError: If the label is no uint8 plane, or has an id that no class has.
        """
        if label.dtype != np.uint8 or label.ndim != 2:
            raise DataError(
                f'a label is {label.dtype} {list(label.shape)}; one uint8 plane [H, W] is needed'
            )
        present = np.flatnonzero(np.bincount(label.ravel(), minlength=256))
        strays = np.setdiff1d(present, [*(c.id for c in self.source), UNLABELLED])
        if strays.size:
            raise DataError(
                f'a label has the ids {strays.tolist()}; the classes are '
                f'{", ".join(f"{c.id} {c.name}" for c in self.source)}, and {UNLABELLED} unlabelled'
            )
        return self.table()[label]


def map_classes(
    source: Sequence[ModelClass],
    network: Sequence[ModelClass],
    mapping: Mapping[str, Targets] | None = None,
) -> tuple[frozenset[int], ...]:
    """The ids of the network's classes that each class of a data set may be.

    Args:
        source: The data set's classes.
        network: The network's classes.
        mapping: By name of the data set's class; None maps equal names to each other.

    Raises:
        ParameterError: If a class has no entry, or an entry names a class that is not there.
    """
    given: Mapping[str, Targets] = (
        {c.name: c.name for c in source} if mapping is None else dict(mapping)
    )
    if mapping is None:
        known = {c.name for c in network}
        missing = [c.name for c in source if c.name not in known]
        if missing:
            raise ParameterError(
                f'the classes {missing} of the data set are not among the '
                f"network's {sorted(known)}; write a mapping for them (map: {{{missing[0]}: ...}})"
            )
    by_class: dict[int, frozenset[int]] = {}
    # A class by its own name comes before its role, and its role before everything else.
    for rank in (_by_name, _by_role, _by_rest):
        for key, targets in given.items():
            for c in rank(key, source):
                by_class.setdefault(c.id, _target_ids(key, targets, network))
    for key in given:
        if not any(rank(key, source) for rank in (_by_name, _by_role, _by_rest)):
            raise ParameterError(
                f'the mapping names {key!r}, which is no class of the data set; it has '
                f'{[c.name for c in source]} (and roles as role:NAME, and {EVERYTHING_ELSE!r})'
            )
    missing = [c.name for c in source if c.id not in by_class]
    if missing:
        raise ParameterError(
            f'the mapping says nothing of {missing}; map them to classes of the network '
            f'({[c.name for c in network]}), to null for unlabelled, or the rest as '
            f'{EVERYTHING_ELSE!r}'
        )
    return tuple(by_class[c.id] for c in source)


def create_mappings(
    requests: Sequence[tuple[Sequence[ModelClass], Mapping[str, Targets] | None]],
    network: Sequence[ModelClass],
) -> tuple[ClassMapping, ...]:
    """The mappings of several data sets to one network; all share one LabelSets.

    Args:
        requests: Of each data set its classes and its mapping by name (see `map_classes`).
        network: The network's classes.

    Raises:
        ParameterError: As `map_classes`; the message says which data set by its place.
    """
    allowed = []
    for i, (source, mapping) in enumerate(requests):
        try:
            allowed.append(map_classes(source, network, mapping))
        except ParameterError as error:
            raise ParameterError(f'data set {i + 1} of {len(requests)}: {error}') from None
    sets = LabelSets.of(len(network), [one for entry in allowed for one in entry])
    return tuple(
        ClassMapping(tuple(source), entry, sets)
        for (source, _), entry in zip(requests, allowed, strict=True)
    )


def _by_name(key: str, source: Sequence[ModelClass]) -> list[ModelClass]:
    return [c for c in source if c.name == key]


def _by_role(key: str, source: Sequence[ModelClass]) -> list[ModelClass]:
    if not isinstance(key, str) or not key.startswith(_ROLE):
        return []
    return [c for c in source if c.role is _role(key)]


def _by_rest(key: str, source: Sequence[ModelClass]) -> list[ModelClass]:
    return list(source) if key == EVERYTHING_ELSE else []


def _target_ids(key: str, targets: Targets, network: Sequence[ModelClass]) -> frozenset[int]:
    wanted = [] if targets is None else [targets] if isinstance(targets, str) else targets
    if not isinstance(wanted, Sequence):
        raise ParameterError(
            f'the mapping turns {key!r} into {targets!r}; give a class, a list of classes, or null'
        )
    ids: set[int] = set()
    for name in wanted:
        found = _by_name(name, network) or _by_role(name, network)
        if not found:
            raise ParameterError(
                f'the mapping turns {key!r} into {name!r}, which is no class of the network; it '
                f'has {[c.name for c in network]} (and roles as role:NAME)'
            )
        ids.update(c.id for c in found)
    return frozenset(ids)


def _role(key: str) -> Role:
    name = key[len(_ROLE) :]
    try:
        return Role(name)
    except ValueError:
        allowed = ', '.join(role.value for role in Role)
        raise ParameterError(f'{key!r} names no role; the roles are {allowed}') from None
