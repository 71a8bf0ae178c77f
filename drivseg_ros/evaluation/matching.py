# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which questions labels can ask a network: the classes both know, and areas by role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.frames.truth import Figure, answers
from drivseg_ros.model.card import ModelClass, Role


@dataclass(frozen=True)
class Question:
    """An area that labels tell and a network claims to find.

    Args:
        name: of the class, or of the figure by role.
        by_role: whether it is a figure by role.
        truth: the ids in the labels that belong to it.
        network: the ids in the network's mask that do.
    """

    name: str
    by_role: bool
    truth: tuple[int, ...]
    network: tuple[int, ...]

    def figure(self, what: str) -> str:
        """The name of a figure of it: 'iou/direct', 'drivable_iou'."""
        return f'{self.name}_{what}' if self.by_role else f'{what}/{self.name}'


@dataclass(frozen=True)
class Matching:
    """The classes of labels and the classes of a network.

    Args:
        truth: the labels' classes; ids 0, 1, 2, ...
        network: the network's, likewise.
        figures: the figures by role that the labels are the truth of (truth.py).
    """

    truth: tuple[ModelClass, ...]
    network: tuple[ModelClass, ...]
    figures: tuple[Figure, ...]

    @cached_property
    def answers(self) -> tuple[int, ...] | None:
        """By class of the network the class of the labels it answers; None: they do not match."""
        return answers(self.truth, self.network)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """One for each class of the labels, if the network's match, and one for each role."""
        found = []
        if self.answers is not None:
            for c in self.truth:
                mine = tuple(i for i, answer in enumerate(self.answers) if answer == c.id)
                found.append(Question(c.name, False, (c.id,), mine))
        for figure in self.figures:
            mine = figure.ids(self.network)
            if mine:
                found.append(Question(figure.value, True, figure.ids(self.truth), mine))
        return tuple(found)

    @cached_property
    def unanswered(self) -> tuple[Figure, ...]:
        """Figures that the labels could judge, of roles that no class of the network has."""
        return tuple(f for f in self.figures if not f.ids(self.network))

    @cached_property
    def truth_members(self) -> np.ndarray:
        """Whether a value in a label belongs to a question: bool [questions, 256]."""
        return _members([question.truth for question in self.questions])

    @cached_property
    def network_members(self) -> np.ndarray:
        """Whether a value in a mask does: bool [questions, 256]."""
        return _members([question.network for question in self.questions])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            'truth': [_describe(c) for c in self.truth],
            'network': [_describe(c) for c in self.network],
            'figures_by_role': [figure.value for figure in self.figures],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Matching:
        """Reads what `to_dict` gave.

        Raises:
            DataError: if it is something else.
        """
        try:
            return cls(
                _classes(content['truth']),
                _classes(content['network']),
                tuple(Figure(name) for name in content['figures_by_role']),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f'these are no classes of an evaluation ({error!r})') from None


def class_titles(classes: Sequence[ModelClass]) -> str:
    """What classes are called in messages: their names, and their roles where they have one."""
    return ', '.join(
        c.name if c.role is Role.NONE else f'{c.name} ({c.role.value})' for c in classes
    )


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
