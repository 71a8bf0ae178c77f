# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From an output of the network to one plane of probability for each group of its channels.

The probability of a group is the sum of its channels': they exclude each other. Planes smaller
than the image are interpolated linearly, after the activation and the sum, where they are small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from drivseg_ros.lab.importing.card import DEFAULT_THRESHOLD, Activation, Layout, OutputSpec
from drivseg_ros.lab.importing.graph_builder import GraphBuilder


@dataclass(frozen=True)
class Head:
    """A used output, as the network gives it.

    Attributes:
        spec: what the card says of it.
        value: its name in the graph.
        shape: its real shape, in the order of its axes.
        groups: for each class that it decides among, the channels.
    """

    spec: OutputSpec
    value: str
    shape: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]

    @property
    def channels(self) -> int:
        """Channels of the output; 1 where it has no such axis."""
        return channels_of(self.shape, self.spec.layout)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        if len(self.shape) == 3:
            return self.shape[1], self.shape[2]
        axes = self.spec.layout.value
        return self.shape[axes.index('h')], self.shape[axes.index('w')]


@dataclass(frozen=True)
class Scores:
    """Probabilities of groups, float32 [N, planes, height, width].

    Attributes:
        value: its name in the graph.
        threshold: None: one plane a group. Else there is one plane, of the second of two groups,
            which wins above the threshold.
    """

    value: str
    threshold: float | None


def channels_of(shape: Sequence[int], layout: Layout) -> int:
    """The number of channels of an output of a shape; 1 where it has no such axis."""
    return shape[layout.value.index('c')] if len(shape) == 4 else 1


def add_scores(graph: GraphBuilder, head: Head, *, height: int, width: int) -> Scores:
    """Adds what leads from an output to its scores, at the image's size."""
    spec, groups = head.spec, head.groups
    value = add_planes(graph, head)
    threshold = None
    if head.channels == 1:
        if spec.activation is Activation.SIGMOID:
            value = graph.add('Sigmoid', value)
        threshold = spec.threshold or DEFAULT_THRESHOLD
        if groups[0]:  # the channel is the first group's; the plane is to be the second's
            value = graph.add('Sub', graph.constant(1.0), value)
            threshold = 1.0 - threshold
    elif spec.activation is Activation.SOFTMAX:
        if head.channels == 2:
            first, second = graph.split(value, 2, axis=1)
            if groups[0] == (1,):
                first, second = second, first
            # The softmax of two, and many times faster on CPUs.
            value = graph.add('Sigmoid', graph.add('Sub', second, first))
        else:
            value = _softmax(graph, value)
            value = _sum_groups(graph, value, head, groups[1:] if len(groups) == 2 else groups)
        threshold = DEFAULT_THRESHOLD if len(groups) == 2 else None
    else:
        value = _sum_groups(graph, value, head, groups)
    value = add_resize(graph, value, head.size, (height, width), mode='linear')
    return Scores(value, threshold)


def add_planes(graph: GraphBuilder, head: Head) -> str:
    """Adds what makes an output float32 [N, C, h, w]."""
    value = graph.add('Cast', head.value, to=TensorProto.FLOAT)
    if len(head.shape) == 3:
        return graph.add('Unsqueeze', value, graph.constant([1], np.int64))
    if head.spec.layout is Layout.NHWC:
        return graph.add('Transpose', value, perm=[0, 3, 1, 2])
    return value


def add_resize(
    graph: GraphBuilder, value: str, size: tuple[int, int], target: tuple[int, int], *, mode: str
) -> str:
    """Adds a resize of planes to a height and width, half-pixel centres, where it is needed."""
    if size == target:
        return value
    scales = graph.constant([1.0, 1.0, *map(exact_scale, size, target)])
    options = {'nearest_mode': 'round_prefer_floor'} if mode == 'nearest' else {}
    return graph.add(
        'Resize',
        value,
        '',
        scales,
        mode=mode,
        coordinate_transformation_mode='half_pixel',
        **options,
    )


def exact_scale(size: int, target: int) -> float:
    """The factor from a size to another that survives float32 and the floor of the product."""
    scale = np.float32(target / size)
    while int(np.float32(size) * scale) < target:
        scale = np.nextafter(scale, np.float32(np.inf))
    return float(scale)


def _softmax(graph: GraphBuilder, value: str) -> str:
    """The softmax over the channels; onnxruntime's own is up to nine times slower along them."""
    highest = graph.reduce_max(value, axis=1)
    powers = graph.add('Exp', graph.add('Sub', value, highest))
    total = graph.add('ReduceSum', powers, graph.constant([1], np.int64), keepdims=1)
    return graph.add('Div', powers, total)


def _sum_groups(
    graph: GraphBuilder, value: str, head: Head, groups: Sequence[tuple[int, ...]]
) -> str:
    """Channels to groups, by a product with a matrix of zeros and ones."""
    matrix = np.zeros((len(groups), head.channels), np.float32)
    for row, group in enumerate(groups):
        matrix[row, list(group)] = 1
    if np.array_equal(matrix, np.eye(head.channels)):
        return value
    height, width = head.size
    flat = graph.add('Reshape', value, graph.constant([0, head.channels, -1], np.int64))
    sums = graph.add('MatMul', graph.constant(matrix), flat)
    shape = graph.constant([0, len(groups), height, width], np.int64)
    return graph.add('Reshape', sums, shape)
