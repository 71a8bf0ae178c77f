# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The choice of the class: from scores to `class_ids` and `confidence`.

The heads are painted one over the other. The first decides every pixel; a later one wins where
one of its own classes beats what it would let through, and there it gives the confidence, too.

All is float32 up to the last Cast: TensorRT selects among no 8-bit values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from drivseg_ros.lab.importing.graph_builder import GraphBuilder
from drivseg_ros.lab.importing.scores import Head, Scores, add_planes, add_resize
from drivseg_ros.model.card import UNLABELLED
from drivseg_ros.model.file import CLASS_IDS_NAME, CONFIDENCE_NAME

_COMPARED = 8
"""Up to so many planes, comparing them one by one is faster than ArgMax and ReduceMax, which walk
across memory (measured with onnxruntime at 1024x512: 8 planes 4.6 ms against 5.4 ms, 12 planes
13.5 ms against 12.3 ms, 19 planes 37 ms against 37 ms, and a third of the nodes)."""


@dataclass(frozen=True)
class Choice:
    """Ids and their probability, float32 [N, 1, height, width] each, by name in the graph."""

    ids: str
    confidence: str | None


@dataclass(frozen=True)
class Paint:
    """A class of a later head.

    Attributes:
        group: its place among the head's groups; group 0 lets the earlier heads through.
        class_id: its id.
        over: the ids on which it is painted; () means all.
    """

    group: int
    class_id: int
    over: tuple[int, ...]


def choose(graph: GraphBuilder, scores: Scores, ids: Sequence[int]) -> Choice:
    """Adds the choice among scores.

    Args:
        graph: where to.
        scores: one group for each id.
        ids: the class ids that the groups stand for.
    """
    if scores.threshold is not None:
        return _choose_by_threshold(graph, scores.value, scores.threshold, ids)
    if len(ids) > _COMPARED:
        return _choose_by_argmax(graph, scores.value, ids)
    planes = graph.split(scores.value, len(ids), axis=1)
    winner, chosen = planes[0], graph.constant(float(ids[0]))
    for plane, class_id in zip(planes[1:], ids[1:], strict=True):
        higher = graph.add('Greater', plane, winner)
        chosen = graph.add('Where', higher, graph.constant(float(class_id)), chosen)
        winner = graph.add('Max', winner, plane)
    return Choice(chosen, winner)


def choose_given_ids(
    graph: GraphBuilder,
    head: Head,
    ids: Sequence[int],
    *,
    certain: bool,
    height: int,
    width: int,
) -> Choice:
    """Adds the way from a head with the argmax inside to class ids; it has no confidence.

    An id that no class takes becomes UNLABELLED, which Segmenter refuses with a sentence.

    Args:
        graph: where to.
        head: one group of the head's ids for each class.
        ids: the class ids that the groups stand for.
        certain: whether the model has no other classes, so that a stray id stays one.
        height: of the image.
        width: of the image.
    """
    value = add_resize(graph, add_planes(graph, head), head.size, (height, width), mode='nearest')
    bounds = graph.constant(0.0), graph.constant(float(UNLABELLED))
    value = graph.add('Clip', value, *bounds)
    table = np.full(256, UNLABELLED, np.float32)
    for class_id, group in zip(ids, head.groups, strict=True):
        table[list(group)] = class_id
    if certain and all(group == (i,) for i, group in zip(ids, head.groups, strict=True)):
        return Choice(value, None)
    index = graph.add('Cast', value, to=TensorProto.INT32)
    return Choice(graph.add('Gather', graph.constant(table), index, axis=0), None)


def paint(graph: GraphBuilder, below: Choice, above: Choice, paints: Sequence[Paint]) -> Choice:
    """Adds the painting of a later head over the earlier ones.

    Args:
        graph: where to.
        below: what the earlier heads chose.
        above: the later head's choice, of group numbers.
        paints: its classes.
    """
    ids, confidence = below.ids, below.confidence
    for p in paints:
        wins = graph.add('Equal', above.ids, graph.constant(float(p.group)))
        if p.over:
            grounds = [graph.add('Equal', below.ids, graph.constant(float(i))) for i in p.over]
            ground = grounds[0]
            for other in grounds[1:]:
                ground = graph.add('Or', ground, other)
            wins = graph.add('And', wins, ground)
        ids = graph.add('Where', wins, graph.constant(float(p.class_id)), ids)
        if confidence and above.confidence:
            confidence = graph.add('Where', wins, above.confidence, confidence)
    # Changes nothing, but the classes of one head are not those of the card, and
    # model/onnx_classes.py stops counting at an operation that it does not know.
    return Choice(graph.add('Mul', ids, graph.constant(1.0)), confidence)


def finish(graph: GraphBuilder, choice: Choice) -> None:
    """Adds the outputs, uint8 [N, height, width]."""
    axis = graph.constant([1], np.int64)
    ids = graph.add('Squeeze', choice.ids, axis)
    graph.add('Cast', ids, to=TensorProto.UINT8, output=CLASS_IDS_NAME)
    if choice.confidence:
        # Probabilities that the network itself gives may be anything.
        bounds = graph.constant(0.0), graph.constant(255.0)
        scaled = graph.add('Mul', choice.confidence, graph.constant(255.0))
        rounded = graph.add('Add', graph.add('Clip', scaled, *bounds), graph.constant(0.5))
        squeezed = graph.add('Squeeze', rounded, axis)
        graph.add('Cast', squeezed, to=TensorProto.UINT8, output=CONFIDENCE_NAME)


def _choose_by_threshold(
    graph: GraphBuilder, plane: str, threshold: float, ids: Sequence[int]
) -> Choice:
    there = graph.add('Greater', plane, graph.constant(threshold))
    first, second = (graph.constant(float(i)) for i in ids)
    chosen = graph.add('Where', there, second, first)
    absent = graph.add('Sub', graph.constant(1.0), plane)
    confidence = (
        graph.add('Max', plane, absent)
        if threshold == 0.5
        else graph.add('Where', there, plane, absent)
    )
    # As in `paint`: what is compared here are not the classes.
    return Choice(graph.add('Mul', chosen, graph.constant(1.0)), confidence)


def _choose_by_argmax(graph: GraphBuilder, value: str, ids: Sequence[int]) -> Choice:
    index = graph.add('ArgMax', value, axis=1, keepdims=1)
    if list(ids) == list(range(len(ids))):
        chosen = graph.add('Cast', index, to=TensorProto.FLOAT)
    else:
        chosen = graph.add('Gather', graph.constant(ids), index, axis=0)
    return Choice(chosen, graph.reduce_max(value, axis=1))
