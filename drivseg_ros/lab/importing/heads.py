# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The card's classes met with the network's real outputs, and the tail made of both."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import onnx

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.card import REST, Activation, ClassSpec, ImportCard, OutputSpec
from drivseg_ros.lab.importing.choice import Choice, Paint, choose, choose_given_ids, finish, paint
from drivseg_ros.lab.importing.graph_builder import GraphBuilder
from drivseg_ros.lab.importing.scores import Head, add_scores, channels_of

_MAX_IDS = 256


@dataclasses.dataclass(frozen=True)
class RealOutput:
    """A used output.

    Attributes:
        name: its name as the network's author knows it.
        value: its name in the graph.
        shape: as a run gave it.
    """

    name: str
    value: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f'{self.name!r} [{", ".join(map(str, self.shape))}]'


def add_tail(
    graph: GraphBuilder,
    card: ImportCard,
    outputs: Sequence[tuple[OutputSpec, RealOutput]],
    *,
    height: int,
    width: int,
    path: Path,
) -> bool:
    """Adds the way from the used outputs to class ids and confidence.

    Args:
        graph: where to.
        card: its classes.
        outputs: its outputs, as they are to be read.
        height: of the image.
        width: of the image.
        path: of the network, for errors.

    Returns:
        Whether there is a confidence.

    Raises:
        ModelError: if the card's classes do not fit the outputs.
    """
    choice: Choice | None = None
    for index, (spec, real) in enumerate(outputs):
        _check_shape(spec, real, path)
        classes = card.classes_of(index)
        ids = [card.class_id(c.name) for c in classes]
        groups = _groups(classes, spec, real, later=index > 0, path=path)
        head = Head(spec, real.value, real.shape, tuple(groups))
        if choice is None:
            if spec.activation is Activation.CLASS_IDS:
                certain = len(ids) == len(card.classes)
                choice = choose_given_ids(
                    graph, head, ids, certain=certain, height=height, width=width
                )
            else:
                choice = choose(graph, add_scores(graph, head, height=height, width=width), ids)
            continue
        above = choose(
            graph, add_scores(graph, head, height=height, width=width), range(len(groups))
        )
        paints = [
            Paint(
                group=groups.index(_channels(c)),
                class_id=class_id,
                over=tuple(card.class_id(name) for name in c.over),
            )
            for c, class_id in zip(classes, ids, strict=True)
        ]
        choice = paint(graph, choice, above, paints)
    if choice is None:
        raise ModelError('the import card has no outputs; name at least one')
    finish(graph, choice)
    return choice.confidence is not None


def check_batch(outputs: Sequence[RealOutput], batch: int, path: Path) -> None:
    """Refuses outputs whose first axis is not the batch that was given in.

    Raises:
        ModelError: if there is one.
    """
    for output in outputs:
        if output.shape[0] != batch or len(output.shape) < 3:
            _refuse(
                output,
                path,
                f'its first axis must be the batch, which was {batch}, then (c, h, w), (h, w, c) '
                'or (h, w): export the network with that axis',
            )


def without_last_step(
    model: onnx.ModelProto, spec: OutputSpec, output: RealOutput
) -> tuple[OutputSpec, RealOutput]:
    """The output before a last step that we do better, or that an engine would refuse.

    A softmax at full size is slow on CPUs, and the tail has its own; TensorRT has no 8-bit
    integers to cast ids to inside a graph.
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    node = producers.get(output.value)
    if node is None:
        return spec, output
    before = dataclasses.replace(output, value=node.input[0])
    if spec.activation is Activation.CLASS_IDS and node.op_type == 'Cast':
        return spec, before
    axes = len(output.shape)
    channels = spec.layout.value.index('c')
    axis = next((a.i for a in node.attribute if a.name == 'axis'), -1)
    if (
        spec.activation is Activation.PROBABILITIES
        and node.op_type == 'Softmax'
        and axes == 4
        and axis % axes == channels
        and output.shape[channels] > 1
    ):
        return dataclasses.replace(spec, activation=Activation.SOFTMAX), before
    return spec, output


def _check_shape(spec: OutputSpec, output: RealOutput, path: Path) -> None:
    channels = channels_of(output.shape, spec.layout)
    if len(output.shape) not in (3, 4):
        _refuse(output, path, f'four axes are needed ({spec.layout.value}), or three (n, h, w)')
    if spec.activation is Activation.CLASS_IDS and channels != 1:
        _refuse(
            output,
            path,
            f'with the activation class_ids one channel is needed, and it has {channels}: write '
            'softmax if they are logits, probabilities if they are that',
        )
    if spec.activation is Activation.SOFTMAX and channels == 1:
        _refuse(
            output,
            path,
            'the softmax of one channel is always 1: write sigmoid, or class_ids if it holds these',
        )
    if spec.activation is Activation.SIGMOID and channels != 1:
        _refuse(
            output,
            path,
            f'with the activation sigmoid one channel is needed, and it has {channels}: write '
            'softmax',
        )
    if spec.threshold is not None and channels != 1:
        _refuse(output, path, f'a threshold needs one channel, and it has {channels}: take it out')


def _groups(
    classes: Sequence[ClassSpec], spec: OutputSpec, output: RealOutput, *, later: bool, path: Path
) -> list[tuple[int, ...]]:
    """For each choice that an output offers, its channels.

    In a later output the first choice is what lets the earlier ones through.
    """
    ids = spec.activation is Activation.CLASS_IDS
    count = _MAX_IDS if ids else channels_of(output.shape, spec.layout)
    taken = [channel for c in classes if c.channels != REST for channel in _channels(c)]
    beyond = sorted({channel for channel in taken if channel >= count})
    if beyond:
        names = [c.name for c in classes if set(_channels(c)) & set(beyond)]
        _refuse(
            output,
            path,
            f'{"ids" if ids else "channels"} 0 to {count - 1} are allowed, and the import card '
            f'gives {beyond} to the classes {names}: correct their channels',
        )
    rest = tuple(channel for channel in range(count) if channel not in taken)
    if later:
        if not rest and count > 1:
            _refuse(
                output,
                path,
                'the classes take all its channels, so nothing of the earlier outputs would be '
                'seen: leave out the channel of the background',
            )
        return [rest, *dict.fromkeys(_channels(c) for c in classes)]
    groups = [rest if c.channels == REST else _channels(c) for c in classes]
    has_rest = any(c.channels == REST for c in classes)
    if len(groups) < 2:
        _refuse(output, path, f'two classes are needed at least; one may have channels: {REST}')
    if has_rest and not rest and count > 1:
        _refuse(output, path, f'no channel is left for the class with the channels {REST!r}')
    if rest and not has_rest and not ids:
        _refuse(
            output,
            path,
            f'the classes of the import card leave out its channels {_short(rest)}: give each '
            f'channel a class, or one class channels: {REST}',
        )
    return groups


def _channels(c: ClassSpec) -> tuple[int, ...]:
    return c.channels if isinstance(c.channels, tuple) else ()


def _short(numbers: Sequence[int]) -> str:
    text = ', '.join(map(str, numbers[:8]))
    return f'{text} and {len(numbers) - 8} more' if len(numbers) > 8 else text


def _refuse(output: RealOutput, path: Path, reason: str) -> None:
    raise ModelError(f'{path}: its output is {output}; {reason}')
