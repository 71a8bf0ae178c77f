# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network in int8, as onnxruntime's `quantize_static` writes it, some of its layers in float.

The settings are those whose graphs the CPU kernels of onnxruntime and OpenVINO run without going
back to float, and that give the same masks on every x86 CPU:

- Activations are uint8 with one scale a tensor, the zero point 0 behind a ReLU and 128 elsewhere:
  the form that becomes TensorRT's (engines/graph_quantised.py) with the least loss.
- Weights are int8 with one scale an output channel, and keep to 7 of their 8 bits: CPUs without
  VNNI add up pairs of products in 16 bits, which 2 x 255 x 127 overflows and 2 x 255 x 64 does not.
- A range is the mean over the frames of each one's extremes: the extremes of the whole set are
  often those of one odd frame, and cost all the others resolution.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from drivseg_ros.errors import DrivsegError, ModelError
from drivseg_ros.model.file import INPUT_NAME

_ACTIVATIONS = ('Relu', 'Clip')
"""They become part of the integers that the convolution before them writes."""


class StaticInt8:
    """Writes a network in int8, again and again with other layers in float.

    Args:
        model: The network in float; it is left as it is.
        batches: What it is calibrated on, uint8 [N, H, W, 3] each, at the network's size. They are
            read once, when the first graph is made.
        folder: For files in between.

    Attributes:
        layers: The convolutions that can be quantised, each by the tensor it writes.
    """

    def __init__(self, model: onnx.ModelProto, batches: Iterable[np.ndarray], folder: Path) -> None:
        self.layers = convolutions(model)
        self._convolutions = [n.output[0] for n in model.graph.node if n.op_type == 'Conv']
        self._reader = _Reader(batches)
        self._folder = folder
        named = onnx.shape_inference.infer_shapes(model)
        for node in named.graph.node:
            node.name = node.output[0]  # other people's nodes may have no names
        # onnxruntime asks for its own pre-processing, of which only the shapes are needed.
        add_pre_process_metadata(named)
        onnx.save(named, self._source)

    def with_float(self, kept: Collection[str]) -> onnx.ModelProto:
        """The network in int8, but for some layers.

        Args:
            kept: The layers that stay in float.

        Raises:
            ModelError: If onnxruntime cannot quantise the network.
            DrivsegError: If a frame to calibrate on cannot be used.
        """
        in_float = [n for n in self._convolutions if n in kept or n not in self.layers]
        path = self._folder / 'static.onnx'
        try:
            # A bias of 0 in front of a tensor of zeros is divided by a scale of 0, and stays 0.
            with np.errstate(invalid='ignore', divide='ignore'):
                quantize_static(
                    self._source,
                    path,
                    self._reader,
                    quant_format=QuantFormat.QDQ,
                    op_types_to_quantize=['Conv', *_ACTIVATIONS],
                    nodes_to_exclude=in_float,
                    activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8,
                    per_channel=True,
                    reduce_range=True,
                    calibration_cache_path=self._folder / 'ranges.json',
                    extra_options={
                        'ActivationRestrictedAsymmetric': True,
                        'CalibMovingAverage': True,
                    },
                )
        except DrivsegError:
            raise
        except Exception as error:  # onnxruntime raises a class of its own for each status code
            reason = ' '.join(str(error).split())[:300] or repr(error)
            raise ModelError(
                f'onnxruntime cannot quantise the network ({reason}); export it again, simpler or '
                'with another opset'
            ) from None
        return _with_relus(onnx.load(path))

    @property
    def _source(self) -> Path:
        return self._folder / 'float.onnx'


def convolutions(model: onnx.ModelProto) -> tuple[str, ...]:
    """The convolutions with constant weights in the graph's order, each by the tensor it writes."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return tuple(
        node.output[0]
        for node in model.graph.node
        if node.op_type == 'Conv' and constants.issuperset(filter(None, node.input[1:]))
    )


class _Reader(CalibrationDataReader):
    """Hands batches to onnxruntime."""

    def __init__(self, batches: Iterable[np.ndarray]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT_NAME: batch}


def _with_relus(model: onnx.ModelProto) -> onnx.ModelProto:
    """Puts a ReLU back wherever the zero point 0 has taken its place.

    The CPU runtimes take it away again. TensorRT needs it: its integers are signed.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    written = {node.output[0] for node in model.graph.node if node.op_type == 'Conv'}
    nodes = []
    for node in model.graph.node:
        if node.op_type == 'QuantizeLinear' and node.input[0] in written:
            zero_point = numpy_helper.to_array(constants[node.input[2]])
            if not zero_point.any():
                clipped = f'{node.input[0]}_clipped'
                nodes.append(helper.make_node('Relu', [node.input[0]], [clipped], name=clipped))
                node.input[0] = clipped
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, check_type=True)
