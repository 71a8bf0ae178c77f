# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An ONNX graph as a torch module.

Before the first run with inputs of some shapes the graph is gone through once, on tensors without
memory. Whatever depends on constants and shapes alone is computed then, so that a run holds only
what the images change: no shape arithmetic, nothing that would stop the capture of a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx
import torch
from torch import Tensor, nn

from drivseg_ros.engines.torch_nodes import DTYPES, Node, Run, Value, to_torch
from drivseg_ros.engines.torch_operators import OPERATORS, QUANTISING
from drivseg_ros.errors import ModelError

_DOMAINS = ('', 'ai.onnx')
_NOWHERE = '\0'


@dataclass(frozen=True)
class _Step:
    run: Run
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    frees: tuple[int, ...]


@dataclass(frozen=True)
class _Plan:
    """The steps of a run; values lie in numbered slots, slot 0 holds no value."""

    slots: tuple[Tensor | None, ...]
    inputs: tuple[int, ...]
    steps: tuple[_Step, ...]
    outputs: tuple[int, ...]


class OnnxGraph(nn.Module):
    """An ONNX graph, to be run in inference mode.

    Args:
        model: the graph. Free sizes, such as the batch, may be other ones in every run.
        device: where it runs; its tensors are put there, and stay.

    Raises:
        ModelError: if an operation or a dtype of the graph is not known.
    """

    def __init__(self, model: onnx.ModelProto, *, device: torch.device | str = 'cpu') -> None:
        super().__init__()
        graph = model.graph
        self._opset = next((o.version for o in model.opset_import if o.domain in _DOMAINS), 0)
        for node in graph.node:
            _check_operator(node)
        self._nodes = tuple(graph.node)
        self._constants = {t.name: to_torch(t) for t in graph.initializer}
        self._dtypes = {
            v.name: DTYPES.get(v.type.tensor_type.elem_type)
            for v in graph.input
            if v.name not in self._constants
        }
        self.input_names = tuple(self._dtypes)
        self.output_names = tuple(v.name for v in graph.output)
        self._device = torch.device(device)
        self._resident: dict[str, Tensor] = {}
        self._plans: dict[tuple, _Plan] = {}

    def forward(self, *inputs: Tensor, outputs: Sequence[str] | None = None) -> tuple[Tensor, ...]:
        """Run the graph.

        Args:
            inputs: tensors in the order of `input_names`, on the graph's device.
            outputs: the names of the outputs that are wanted; others are not computed.

        Raises:
            ModelError: if the inputs do not fit the graph.
        """
        plan = self._plan(inputs, outputs)
        values = list(plan.slots)
        for slot, tensor in zip(plan.inputs, inputs, strict=True):
            values[slot] = tensor
        for step in plan.steps:
            result = step.run(*[values[slot] for slot in step.reads])
            if isinstance(result, tuple):
                for slot, part in zip(step.writes, result, strict=True):
                    values[slot] = part
            else:
                values[step.writes[0]] = result
            for slot in step.frees:
                values[slot] = None
        return tuple(values[slot] for slot in plan.outputs)  # type: ignore[misc]

    def prepare(self, *inputs: Tensor, outputs: Sequence[str] | None = None) -> None:
        """Go through the graph for inputs of these shapes, which may lie on the device 'meta'.

        Raises:
            ModelError: if the graph cannot be run.
        """
        self._plan(inputs, outputs)

    def _plan(self, inputs: Sequence[Tensor], outputs: Sequence[str] | None) -> _Plan:
        wanted = self.output_names if outputs is None else tuple(outputs)
        key = (wanted, *(x.shape for x in inputs))
        if key not in self._plans:
            self._plans[key] = self._make_plan(inputs, wanted)
        return self._plans[key]

    def _make_plan(self, inputs: Sequence[Tensor], wanted: tuple[str, ...]) -> _Plan:
        if len(inputs) != len(self.input_names):
            raise ModelError(
                f'{len(inputs)} inputs were given to a graph that takes {list(self.input_names)}'
            )
        known = {name: Value(tensor, known=True) for name, tensor in self._constants.items()}
        values: dict[str, Value] = dict(known)
        for name, tensor in zip(self.input_names, inputs, strict=True):
            if tensor.dtype != self._dtypes[name]:
                raise ModelError(
                    f'input {name!r} was given as {tensor.dtype}; it is {self._dtypes[name]}'
                )
            values[name] = Value(tensor.to('meta'), known=False)
        slots = _Slots(self._device, self._resident, permanent=self._constants)
        starts = tuple(slots.of(name) for name in self.input_names)
        steps: list[tuple[Run, tuple[int, ...], tuple[int, ...]]] = []
        for proto in _needed(self._nodes, wanted):
            given = [values[name] if name else None for name in proto.input]
            node = Node(proto, opset=self._opset, inputs=given)
            run, results = _prepare(node, given)
            # An output that is left out has the name ''; the results go on behind it.
            names = [name or _NOWHERE for name in proto.output]
            names += [_NOWHERE] * (len(results) - len(names))
            values.update(zip(names, results, strict=True))
            if results[0].known:
                continue
            reads = []
            for at, value in enumerate(node.inputs):
                original = proto.input[at] if at < len(proto.input) else ''
                if value is None:
                    reads.append(0)
                elif at < len(given) and value is given[at]:
                    reads.append(slots.of(original, value))
                else:  # the node's own
                    reads.append(slots.of(f'{names[0]}\0{at}', value))
            steps.append((run, tuple(reads), tuple(slots.of(name) for name in names)))
        ends = tuple(slots.of(name, values[name]) for name in wanted)
        return _Plan(slots.filled(), starts, _with_frees(steps, ends, slots), ends)


class _Slots:
    """Numbers for values; the known ones are put on the device."""

    def __init__(
        self, device: torch.device, resident: dict[str, Tensor], *, permanent: dict[str, Tensor]
    ) -> None:
        self._device = device
        self._resident = resident
        self._permanent = permanent
        self._numbers: dict[str, int] = {}
        self._tensors: list[Tensor | None] = [None]

    def of(self, name: str, value: Value | None = None) -> int:
        if name not in self._numbers:
            self._numbers[name] = len(self._tensors)
            known = value is not None and value.known
            self._tensors.append(self._put(name, value.tensor) if known and value else None)
        return self._numbers[name]

    def is_constant(self, slot: int) -> bool:
        return self._tensors[slot] is not None

    def filled(self) -> tuple[Tensor | None, ...]:
        return tuple(self._tensors)

    def _put(self, name: str, tensor: Tensor) -> Tensor:
        if name in self._resident:
            return self._resident[name]
        # Weights in the layout of the images, so that no run has to turn them round.
        layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
        placed = tensor.to(self._device).contiguous(memory_format=layout)
        if name in self._permanent:
            self._resident[name] = placed
        return placed


def _check_operator(node: onnx.NodeProto) -> None:
    label = f'{node.op_type} {node.name or next(iter(node.output), "")!r}'
    if node.op_type in QUANTISING:
        raise ModelError(
            f'{label}: int8 graphs run on the integer units of onnxruntime, openvino and '
            'tensorrt; torch would only imitate them, with other rounding. Take one of those '
            'engines, or the model that this one was quantised from'
        )
    if node.domain not in _DOMAINS or node.op_type not in OPERATORS:
        domain = f' of {node.domain}' if node.domain not in _DOMAINS else ''
        raise ModelError(
            f'{label}{domain} is an operation that the torch engine does not know; it knows '
            f'{", ".join(sorted(OPERATORS))}. Take another engine, or export the network '
            'without it'
        )


def _needed(nodes: Sequence[onnx.NodeProto], wanted: Sequence[str]) -> list[onnx.NodeProto]:
    """The nodes that the wanted values depend on, in their order."""
    names = set(wanted)
    kept = []
    for node in reversed(nodes):
        if not names.isdisjoint(node.output):
            names.update(node.input)
            kept.append(node)
    return kept[::-1]


def _prepare(node: Node, given: Sequence[Value | None]) -> tuple[Run, list[Value]]:
    """The function of a node, and what is known of its outputs."""
    if node.op == 'Shape':  # known, though its input is not
        start, end = node.get('start', 0), node.get('end')
        shape = torch.tensor(node.shape(0)[slice(start, end)], dtype=torch.int64)
        return torch.clone, [Value(shape, known=True)]
    run = OPERATORS[node.op](node)
    if node.unread:
        raise node.error(
            f'has the attributes {node.unread}, which the torch engine does not know; take '
            'another engine'
        )
    known = all(value is None or value.known for value in given)
    tensors = [
        None if value is None else value.tensor if known else value.tensor.to('meta')
        for value in node.inputs
    ]
    try:
        with torch.inference_mode():
            result = run(*tensors)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        shapes = [None if t is None else (str(t.dtype)[6:], *t.shape) for t in tensors]
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise node.error(f'cannot be run on inputs {shapes}: {reason}') from None
    results = result if isinstance(result, tuple) else (result,)
    if len(results) < node.num_outputs:
        raise node.error(
            f'has {node.num_outputs} outputs; the torch engine computes the first '
            f'{len(results)} of them. Take another engine'
        )
    return run, [Value(tensor, known=known) for tensor in results]


def _with_frees(
    steps: Sequence[tuple[Run, tuple[int, ...], tuple[int, ...]]],
    outputs: Sequence[int],
    slots: _Slots,
) -> tuple[_Step, ...]:
    """The steps, each with the values that nobody reads after it."""
    later = set(outputs)
    done = []
    for run, reads, writes in reversed(steps):
        last = {slot for slot in (*reads, *writes) if slot and not slots.is_constant(slot)} - later
        later.update(reads)
        done.append(_Step(run, reads, writes, tuple(sorted(last))))
    return tuple(done[::-1])
