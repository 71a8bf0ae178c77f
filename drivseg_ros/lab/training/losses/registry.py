# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Losses by name, and sums of them, as recipes write them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from drivseg_ros.errors import ParameterError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.losses.base import SegmentationLoss, check_between
from drivseg_ros.lab.training.losses.class_weights import BALANCED
from drivseg_ros.lab.training.losses.cross_entropy import CrossEntropy, WeightedCrossEntropy
from drivseg_ros.lab.training.losses.focal import FocalLoss
from drivseg_ros.lab.training.losses.lovasz import LovaszSoftmax
from drivseg_ros.lab.training.losses.tversky import DiceLoss, TverskyLoss

LOSSES: Mapping[str, type[SegmentationLoss]] = {
    'cross_entropy': CrossEntropy,
    'weighted_cross_entropy': WeightedCrossEntropy,
    'focal': FocalLoss,
    'dice': DiceLoss,
    'tversky': TverskyLoss,
    'lovasz': LovaszSoftmax,
}
"""Each takes keyword arguments only: those that a recipe may write beside its name."""

Spec = str | Mapping[str, Any] | Sequence[Any]

_SHARES = 'class_shares'


class WeightedSum(nn.Module):
    """A sum of losses, each with its weight.

    Args:
        losses: The summands.
        weights: One each.
    """

    def __init__(self, losses: Sequence[nn.Module], weights: Sequence[float]) -> None:
        super().__init__()
        self.losses = nn.ModuleList(losses)
        self.weights = tuple(weights)

    def forward(self, logits: Tensor, target: Tensor, sets: LabelSets | None = None) -> Tensor:
        """The loss of a batch; see `SegmentationLoss.forward`."""
        first, *others = [
            weight * loss(logits, target, sets)
            for loss, weight in zip(self.losses, self.weights, strict=True)
        ]
        return sum(others, start=first)


def create_loss(spec: Spec, *, class_shares: Sequence[float] | None = None) -> nn.Module:
    """A loss from its name, its name and arguments, or a list of such: their weighted sum.

    `'dice'`, `{'name': 'focal', 'gamma': 1.5}` or
    `['cross_entropy', {'name': 'lovasz', 'weight': 0.5}]`.

    Args:
        spec: What a recipe has under `loss`.
        class_shares: For weights that are 'balanced': see `needs_class_shares`.

    Returns:
        A module: forward(logits [N, C, H, W], target [N, H, W], sets) gives a scalar.

    Raises:
        ParameterError: If a name or an argument is not known, or a value not allowed.
    """
    parts = [_part(one) for one in _list(spec)]
    losses, weights = [], []
    for name, weight, arguments in parts:
        kind = _kind(name)
        allowed = _arguments(kind)
        unknown = sorted(arguments.keys() - allowed.keys())
        if unknown:
            raise ParameterError(
                f'the loss {name} has no argument {", ".join(map(repr, unknown))}; it takes '
                f'{", ".join([*allowed, "weight"])}'
            )
        missing = [p for p, required in allowed.items() if required and p not in arguments]
        if missing:
            raise ParameterError(f'the loss {name} needs {", ".join(missing)}; write it beside it')
        if arguments.get('weights') == BALANCED:
            arguments = {**arguments, _SHARES: class_shares}
        try:
            losses.append(kind(**arguments))
        except ParameterError as error:
            raise ParameterError(f'the loss {name}: {error}') from None
        weights.append(weight)
    if len(losses) == 1 and weights[0] == 1.0:
        return losses[0]
    return WeightedSum(losses, weights)


def needs_class_shares(spec: Spec) -> bool:
    """Whether a loss wants to know how often the classes occur.

    Raises:
        ParameterError: If the specification has no sense.
    """
    return any(arguments.get('weights') == BALANCED for _, _, arguments in map(_part, _list(spec)))


def _list(spec: Spec) -> Sequence[Any]:
    if isinstance(spec, (str, Mapping)):
        return [spec]
    if not isinstance(spec, Sequence) or not spec:
        raise ParameterError(
            f'the loss is {spec!r}; a name, a mapping with a name, or a list of these with at '
            f'least one entry is allowed; there are {", ".join(LOSSES)}'
        )
    return spec


def _part(one: Any) -> tuple[str, float, Mapping[str, Any]]:
    """Name, weight and arguments of one summand."""
    arguments = {'name': one} if isinstance(one, str) else one
    if not isinstance(arguments, Mapping) or 'name' not in arguments:
        raise ParameterError(
            f'the loss {one!r} has no name; write name: and one of {", ".join(LOSSES)}'
        )
    arguments = dict(arguments)
    name = arguments.pop('name')
    weight = check_between(f'the weight of the loss {name}', arguments.pop('weight', 1), 0, 1e6)
    if not weight:
        raise ParameterError(f'the loss {name} has the weight 0; leave it out instead')
    return name, weight, arguments


def _kind(name: object) -> type[SegmentationLoss]:
    if not isinstance(name, str) or name not in LOSSES:
        raise ParameterError(f'there is no loss {name!r}; there are {", ".join(LOSSES)}')
    return LOSSES[name]


def _arguments(kind: type[SegmentationLoss]) -> dict[str, bool]:
    """What a recipe may write beside the name, and whether it must."""
    return {
        p.name: p.default is p.empty
        for p in inspect.signature(kind).parameters.values()
        if p.kind is p.KEYWORD_ONLY and p.name != _SHARES
    }
