# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frees a network's batch size, where a run proves that this changes nothing.

Exporters write the batch of the example into Reshape's constants. Where these are all that ties
a graph to it, a batch of any size gives the same as its images one by one; the cameras of a
vehicle then run as one batch.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.proof import Runner, same
from drivseg_ros.lab.importing.sizes import InputSize, fix_input

FREE = 'N'
"""The name of a free batch size."""


def settle_batch(
    model: onnx.ModelProto, name: str, size: InputSize, images: np.ndarray
) -> tuple[onnx.ModelProto, int | None, list[np.ndarray]]:
    """The graph for a free batch if that is proven to work, else for a fixed one.

    Args:
        model: the graph, cut down to what is used; left as it is.
        name: its input.
        size: that input.
        images: what the input is tried with, its first axis twice the fixed batch (or 2).

    Returns:
        The graph; its batch, None if free; what its outputs are for the images, batch by batch.

    Raises:
        ModelError: if the graph does not run even as it is.
    """
    batch = size.batch or 1
    outputs = [value.name for value in model.graph.output]
    fixed = _copy(model)
    fix_input(fixed, name, size.shape(batch))
    _forget_output_shapes(fixed)
    runner = Runner(fixed, 'the network')
    parts = [
        runner.run({name: images[start : start + batch]}, outputs)
        for start in range(0, len(images), batch)
    ]
    # What has no axis at all is not a batch of one; the importer refuses both.
    single = [
        np.concatenate([np.atleast_1d(value) for value in values])
        for values in zip(*parts, strict=True)
    ]
    free = _copy(model)
    fix_input(free, name, size.shape(FREE))
    _forget_output_shapes(free)
    if size.batch is not None:
        _free_reshapes(free, batch)
    try:
        runner = Runner(free, 'the network')
        together = runner.run({name: images}, outputs)
        one = runner.run({name: images[:1]}, outputs)
    except ModelError:
        return fixed, batch, single
    if same(together, single) and same(one, [value[:1] for value in single]):
        return free, None, single
    return fixed, batch, single


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def _forget_output_shapes(model: onnx.ModelProto) -> None:
    """They say what the network was exported with."""
    for value in model.graph.output:
        value.type.tensor_type.ClearField('shape')


def _free_reshapes(model: onnx.ModelProto, batch: int) -> None:
    """Lets every constant shape take its first size from the data.

    What is first is the batch, or the batch times something (windows of attention); where it is
    neither, the size comes out as it was.
    """
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for index, node in enumerate(graph.node):
        if node.op_type != 'Reshape' or node.input[1] not in tensors:
            continue
        shape = numpy_helper.to_array(tensors[node.input[1]]).copy()
        zeros_are_sizes = any(a.name == 'allowzero' and a.i for a in node.attribute)
        if not len(shape) or shape[0] < 1 or zeros_are_sizes:
            continue
        if -1 not in shape:
            shape[0] = -1  # whatever is left
        elif shape[0] == batch:
            shape[0] = 0  # as it comes
        freed = numpy_helper.from_array(shape, f'{node.input[1]}/free_{index}')
        graph.initializer.append(freed)
        replaced = helper.make_node('Reshape', [node.input[0], freed.name], node.output, node.name)
        graph.node[index].CopyFrom(replaced)
