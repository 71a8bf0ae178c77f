# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The size of a network's input: fixed by the network, or by the card where it is free."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.importing.card import InputSpec, Layout
from drivseg_ros.lab.importing.network import Tensor
from drivseg_ros.lab.importing.proof import Runner, same

_TYPES: dict[int, str] = {
    TensorProto.FLOAT: 'float32',
    TensorProto.FLOAT16: 'float16',
    TensorProto.UINT8: 'uint8',
}


@dataclass(frozen=True)
class InputSize:
    """The input of a network, all sizes known but perhaps the batch.

    Attributes:
        batch: None where the network leaves it free.
        height: in pixels.
        width: in pixels.
        layout: of the axes.
        dtype: numpy's name of the element type.
    """

    batch: int | None
    height: int
    width: int
    layout: Layout
    dtype: str

    def shape(self, batch: int | str) -> list[int | str]:
        """The shape for a batch size (or a name of one)."""
        if self.layout is Layout.NCHW:
            return [batch, 3, self.height, self.width]
        return [batch, self.height, self.width, 3]


def input_size(tensor: Tensor, spec: InputSpec, path: Path) -> InputSize:
    """The size of an input, checked against the card.

    Raises:
        ModelError: if the input is no image of three channels, a free side is not in the card,
            or the card contradicts the network.
    """
    if len(tensor.shape) != 4:
        raise ModelError(
            f'{path}: its input is {tensor}; four axes are needed ({spec.layout.value}, by the '
            "import card's layout)"
        )
    if tensor.type not in _TYPES:
        raise ModelError(f'{path}: its input is {tensor}; float, float16 or uint8 is needed')
    scaling = (spec.scale, *spec.mean, *spec.std)
    if tensor.type == TensorProto.UINT8 and scaling != (1, 0, 0, 0, 1, 1, 1):
        raise ModelError(
            f'{path}: its input is {tensor}, pixels as they are; write scale: 1 into the import '
            "card's input, and leave mean and std out"
        )
    sizes = dict(zip(spec.layout.value, tensor.shape, strict=True))
    if sizes['c'] not in (None, 3):
        other = Layout.NHWC if spec.layout is Layout.NCHW else Layout.NCHW
        hint = (
            f'write layout: {other.value} into its input'
            if dict(zip(other.value, tensor.shape, strict=True))['c'] == 3
            else 'only networks for colour images can be imported'
        )
        raise ModelError(
            f"{path}: its input is {tensor}, which by the import card's layout "
            f'{spec.layout.value} has {sizes["c"]} channels; 3 are needed: {hint}'
        )
    sides = {}
    for name, given in (('height', sizes['h']), ('width', sizes['w'])):
        wanted = getattr(spec, name)
        if given is None and wanted is None:
            raise ModelError(
                f'{path}: its input is {tensor}, of any {name}; give the {name} in the import '
                f"card's input, or with --{name}"
            )
        if given is not None and wanted not in (None, given):
            raise ModelError(
                f'{path}: its input is {tensor}, fixed to the {name} {given}, and {wanted} was '
                f'asked for; leave {name} out, or export the network with that size'
            )
        sides[name] = given or wanted
    return InputSize(batch=sizes['n'], **sides, layout=spec.layout, dtype=_TYPES[tensor.type])


def with_size(spec: InputSpec, *, width: int | None, height: int | None) -> InputSpec:
    """The spec with another size, where one is given."""
    return dataclasses.replace(spec, width=width or spec.width, height=height or spec.height)


def pixels_as_floats(
    model: onnx.ModelProto, name: str, size: InputSize, images: np.ndarray
) -> tuple[onnx.ModelProto, InputSize]:
    """The graph with an input of uint8 declared float, where it gives the same that way.

    Mostly the first operation is a Cast. TensorRT knows uint8 at the input of the whole graph only,
    which is in front of what is put before the network.
    """
    floats = onnx.ModelProto()
    floats.CopyFrom(model)
    for value in floats.graph.input:
        if value.name == name:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    pixels = images[: size.batch or 1]
    outputs = [value.name for value in model.graph.output]
    try:
        given = Runner(floats, 'the network').run({name: pixels.astype(np.float32)}, outputs)
    except ModelError:
        return model, size
    if not same(given, Runner(model, 'the network').run({name: pixels}, outputs)):
        return model, size
    return floats, dataclasses.replace(size, dtype='float32')


def fix_input(model: onnx.ModelProto, name: str, shape: list[int | str]) -> None:
    """Writes a shape into a graph's input, in place; a text is a free size's name."""
    for value in model.graph.input:
        if value.name == name:
            dims = value.type.tensor_type.shape.dim
            for dim, size in zip(dims, shape, strict=True):
                dim.Clear()
                if isinstance(size, int):
                    dim.dim_value = size
                else:
                    dim.dim_param = size
