# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A node of an ONNX graph, as the functions that turn it into torch see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor

from drivseg_ros.errors import ModelError

DTYPES: dict[int, torch.dtype] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.BFLOAT16: torch.bfloat16,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.UINT8: torch.uint8,
    TensorProto.INT8: torch.int8,
    TensorProto.INT16: torch.int16,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.BOOL: torch.bool,
}

Run = Callable[..., 'Tensor | tuple[Tensor, ...]']
"""Takes the node's inputs, None for those that are left out, and gives its output or outputs."""


@dataclass(frozen=True)
class Value:
    """What is known of a value before any image comes.

    Attributes:
        tensor: the value itself if it is known, else one without memory (device 'meta') that has
            its shape and dtype.
        known: whether it depends on constants and shapes alone.
    """

    tensor: Tensor
    known: bool


class Node:
    """One node: its attributes, and what is known of its inputs.

    An attribute that nobody asked for is one that was not obeyed; `unread` tells of them.
    """

    def __init__(
        self, proto: onnx.NodeProto, *, opset: int, inputs: Sequence[Value | None]
    ) -> None:
        self.op = proto.op_type
        self.name = proto.name or next(iter(proto.output), '')
        self.opset = opset
        self.inputs = list(inputs)
        self.num_outputs = len(proto.output)
        self._attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}
        self._read: set[str] = set()

    @property
    def unread(self) -> list[str]:
        """The attributes that nobody asked for."""
        return sorted(self._attributes.keys() - self._read)

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute; texts are decoded, tensors converted."""
        self._read.add(name)
        value = self._attributes.get(name, default)
        if isinstance(value, bytes):
            return value.decode()
        return to_torch(value) if isinstance(value, TensorProto) else value

    def expect(self, name: str, *allowed: Any) -> Any:
        """An attribute that may only have certain values; the first is its default.

        Raises:
            ModelError: if it has another one.
        """
        value = self.get(name, allowed[0])
        if value not in allowed:
            raise self.error(
                f'has {name} = {value!r}; the torch engine knows '
                f'{", ".join(map(repr, allowed))} here'
            )
        return value

    def has(self, index: int) -> bool:
        """Whether an input is given."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """The shape of an input."""
        return tuple(self._value(index).tensor.shape)

    def dtype(self, index: int = 0) -> torch.dtype:
        """The dtype of an input."""
        return self._value(index).tensor.dtype

    def constant(self, index: int) -> Tensor:
        """The value of an input that must be known, on the CPU.

        Raises:
            ModelError: if it depends on the image's content.
        """
        value = self._value(index)
        if not value.known:
            raise self.error(
                f'takes its input {index} from the content of the image; the torch engine needs '
                'one that depends on constants and shapes alone'
            )
        return value.tensor

    def numbers(self, index: int, attribute: str = '') -> list[int] | None:
        """A list of integers from an input or, in older opsets, an attribute; None if neither."""
        if attribute:
            value = self.get(attribute)
            if value is not None:
                return [int(v) for v in value]
        if not self.has(index):
            return None
        return [int(v) for v in self.constant(index).reshape(-1).tolist()]

    def replace(self, index: int, tensor: Tensor) -> None:
        """Gives the node another known input, so that it is put on the device once."""
        self.inputs.extend([None] * (index + 1 - len(self.inputs)))
        self.inputs[index] = Value(tensor, known=True)

    def error(self, text: str) -> ModelError:
        """An error that names the node."""
        return ModelError(f'{self.op} {self.name!r} {text}')

    def _value(self, index: int) -> Value:
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise self.error(f'lacks its input {index}; export the network again')
        return value


def to_torch(tensor: TensorProto) -> Tensor:
    """An ONNX tensor as a torch tensor of its own.

    Raises:
        ModelError: if torch has no such dtype.
    """
    dtype = DTYPES.get(tensor.data_type)
    if dtype is None:
        raise ModelError(
            f'{tensor.name!r} has the type {TensorProto.DataType.Name(tensor.data_type)}, which '
            'the torch engine does not know; take another engine'
        )
    array = numpy_helper.to_array(tensor)
    if dtype is torch.bfloat16:  # a type that numpy lends from another package
        array = array.astype(np.float32)
    return torch.from_numpy(np.array(array)).to(dtype)
