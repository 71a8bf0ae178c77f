# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Partial labels: 'this pixel is one of these classes'.

The truths of the public data sets differ. KITTI says where road is, not whose lane it is;
BDD100K's background holds the oncoming lanes that another set calls road. A target that claims no
more than its label knows lets one network learn from all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.model.card import UNLABELLED


@dataclass(frozen=True)
class LabelSets:
    """What the codes of a target mean.

    A code c < num_classes is the class c; the code num_classes + i is 'one of sets[i]';
    255 is unlabelled.

    Args:
        num_classes: The network's number of classes.
        sets: Sets of class ids, each of at least two classes and not of all of them.

    Raises:
        ParameterError: If a set is too small, too large or twice there, or the codes run out.
    """

    num_classes: int
    sets: tuple[frozenset[int], ...] = ()

    def __post_init__(self) -> None:
        if type(self.num_classes) is not int or self.num_classes < 1:
            raise ParameterError(f'{self.num_classes!r} classes are given; give at least 1')
        object.__setattr__(self, 'sets', tuple(frozenset(s) for s in self.sets))
        if self.num_codes > UNLABELLED:
            raise ParameterError(
                f'{self.num_classes} classes and {len(self.sets)} sets of them need more codes '
                f'than the {UNLABELLED} there are; use fewer'
            )
        if len(set(self.sets)) != len(self.sets):
            raise ParameterError(f'a set of classes is there twice: {list(map(sorted, self.sets))}')
        for one in self.sets:
            if not all(0 <= c < self.num_classes for c in one):
                raise ParameterError(
                    f'the set {sorted(one)} names classes that are not there; '
                    f'there are 0 to {self.num_classes - 1}'
                )
            if not 2 <= len(one) < self.num_classes:
                raise ParameterError(
                    f'the set {sorted(one)} has {len(one)} of {self.num_classes} classes; one '
                    'class is its own code, all classes are "unlabelled": give a set in between'
                )

    @property
    def num_codes(self) -> int:
        """Number of codes besides 255: classes and sets."""
        return self.num_classes + len(self.sets)

    def table(self) -> np.ndarray:
        """Which classes each code allows, bool [num_codes, num_classes]."""
        allowed = np.zeros((self.num_codes, self.num_classes), bool)
        allowed[: self.num_classes] = np.eye(self.num_classes, dtype=bool)
        for code, one in enumerate(self.sets, self.num_classes):
            allowed[code, sorted(one)] = True
        return allowed

    def code(self, classes: Iterable[int]) -> int:
        """The code of 'one of these classes'; no class and all classes are 255, unlabelled.

        Raises:
            ParameterError: If these classes are no set of this object.
        """
        one = frozenset(classes)
        if len(one) == 1 and (only := next(iter(one))) in range(self.num_classes):
            return only
        if not one or one == frozenset(range(self.num_classes)):
            return UNLABELLED
        if one not in self.sets:
            raise ParameterError(
                f'{sorted(one)} is not among the sets {list(map(sorted, self.sets))}; add it'
            )
        return self.num_classes + self.sets.index(one)

    @classmethod
    def of(cls, num_classes: int, wanted: Iterable[Iterable[int]]) -> LabelSets:
        """The sets that are needed to give each of the wanted combinations a code.

        The order of the sets does not depend on the order in which they are wanted.
        """
        needed = {frozenset(w) for w in wanted}
        proper = [s for s in needed if 2 <= len(s) < num_classes]
        return cls(num_classes, tuple(sorted(proper, key=sorted)))
