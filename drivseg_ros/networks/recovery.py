# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a model file back to a network that can be trained, or explained.

The export folds each batch norm into the convolution before it, so the file holds neither its
statistics nor its scale. They are measured again: a norm with the mean and the deviation that the
folded convolution's output has on some frames, and with a scale and shift that undo both, leaves
every output as it was. In training mode it is nearly the same function, as it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from drivseg_ros.errors import MissingDependencyError, ModelError
from drivseg_ros.model.file import read_model_file
from drivseg_ros.networks.normalisation import normalise
from drivseg_ros.networks.registry import create_network

try:
    import onnx
    from onnx import numpy_helper
except ImportError:
    raise MissingDependencyError(
        "recovering a network needs onnx, which is not installed: pip install 'drivseg_ros[train]'"
    ) from None


@dataclass
class _Layer:
    """A convolution, and the batch norm right behind it if there is one."""

    name: str
    convolution: nn.Conv2d
    norm: nn.BatchNorm2d | None = None
    count: int = 0
    total: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    squares: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))


def recover_network(
    path: Path, frames: Iterable[np.ndarray], *, architecture: str = ''
) -> nn.Module:
    """The network that a model file was exported from.

    Auxiliary heads, which no model file has, are made anew.

    Args:
        path: A model file of ours, unquantised.
        frames: uint8 [H, W, 3] RGB of the file's input size, such as it will meet; a few hundred.
        architecture: A name of the registry; empty: as the file's card says.

    Returns:
        The network in evaluation mode.

    Raises:
        ModelError: If the file's convolutions are not the architecture's, or there is no frame.
    """
    card = read_model_file(path).card
    network = create_network(architecture or card.architecture, num_classes=card.num_classes).eval()
    size = (1, 3, card.input_height, card.input_width)
    layers = _layers(network, torch.zeros(size))
    stored = _convolutions(onnx.load(path))
    _check(path, layers, stored)
    for layer, (kernel, bias) in zip(layers, stored, strict=True):
        _fill(layer, kernel, bias)
    with _measuring(layers), torch.inference_mode():
        for frame in frames:
            network(normalise(torch.from_numpy(np.ascontiguousarray(frame))[None]))
    for layer in layers:
        _split(path, layer)
    return network


def _layers(network: nn.Module, image: Tensor) -> list[_Layer]:
    """The convolutions in the order in which an image passes them."""
    layers: list[_Layer] = []
    names = {module: name for name, module in network.named_modules()}
    last: list[nn.Module] = []

    def passed(module: nn.Module, _: tuple, __: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            layers.append(_Layer(names[module], module))
        elif last and layers and last[-1] is layers[-1].convolution:
            layers[-1].norm = module  # type: ignore[assignment]
        last.append(module)

    kinds = (nn.Conv2d, nn.BatchNorm2d)
    hooks = [m.register_forward_hook(passed) for m in names if isinstance(m, kinds)]
    try:
        with torch.inference_mode():
            network(image)
    finally:
        for hook in hooks:
            hook.remove()
    return layers


def _convolutions(model: onnx.ModelProto) -> list[tuple[np.ndarray, np.ndarray]]:
    """Kernels and biases, float32, in the order of the graph."""
    values = {t.name: t for t in model.graph.initializer}
    found = []
    for node in model.graph.node:
        if node.op_type == 'Conv' and all(name in values for name in node.input[1:]):
            kernel = numpy_helper.to_array(values[node.input[1]])
            if len(node.input) > 2:
                bias = numpy_helper.to_array(values[node.input[2]])
            else:
                bias = np.zeros(kernel.shape[0], np.float32)
            found.append((kernel, bias))
    return found


def _check(path: Path, layers: list[_Layer], stored: list[tuple[np.ndarray, np.ndarray]]) -> None:
    wanted = [tuple(layer.convolution.weight.shape) for layer in layers]
    given = [kernel.shape for kernel, _ in stored]
    if wanted == given and all(kernel.dtype == np.float32 for kernel, _ in stored):
        return
    differing = [i for i, (a, b) in enumerate(zip(wanted, given, strict=False)) if a != b]
    where = f', the first that differs being {layers[differing[0]].name}' if differing else ''
    raise ModelError(
        f'{path} has {len(given)} convolutions in float32 where the architecture has '
        f'{len(wanted)}{where}; give the architecture that it was exported from, and a file that '
        'was not quantised'
    )


def _fill(layer: _Layer, kernel: np.ndarray, bias: np.ndarray) -> None:
    """Weights as folded; a norm that only adds the bias."""
    with torch.no_grad():
        layer.convolution.weight.copy_(torch.from_numpy(kernel.copy()))
        if layer.norm is None:
            if layer.convolution.bias is not None:
                layer.convolution.bias.copy_(torch.from_numpy(bias.copy()))
            return
        own = layer.convolution.bias
        if own is not None:
            own.zero_()
        mean, variance = _statistics(layer.norm)
        mean.zero_()
        variance.fill_(1 - layer.norm.eps)
        layer.norm.weight.fill_(1)
        layer.norm.bias.copy_(torch.from_numpy(bias.copy()))


@contextmanager
def _measuring(layers: list[_Layer]) -> Iterator[None]:
    """Inside, sums of the convolutions' outputs and of their squares are kept by channel."""

    def hook_of(layer: _Layer) -> Callable[[nn.Module, tuple, Tensor], None]:
        def add(_: nn.Module, __: tuple, output: Tensor) -> None:
            values = output.double()
            layer.count += values.numel() // values.shape[1]
            layer.total = layer.total + values.sum(dim=(0, 2, 3))
            layer.squares = layer.squares + values.square().sum(dim=(0, 2, 3))

        return add

    measured = [layer for layer in layers if layer.norm is not None]
    hooks = [layer.convolution.register_forward_hook(hook_of(layer)) for layer in measured]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _split(path: Path, layer: _Layer) -> None:
    """Gives the norm its statistics, and the scale and shift that undo them."""
    if layer.norm is None:
        return
    if layer.count < 2:
        raise ModelError(f'{path} cannot be recovered without frames; give some hundred')
    mean = layer.total / layer.count
    variance = (layer.squares / layer.count - mean.square()).clamp(min=0)
    kept_mean, kept_variance = _statistics(layer.norm)
    with torch.no_grad():
        kept_mean.copy_(mean)
        kept_variance.copy_(variance)
        layer.norm.weight.copy_((variance + layer.norm.eps).sqrt())
        layer.norm.bias.add_(mean.float())


def _statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    if norm.running_mean is None or norm.running_var is None:
        raise ModelError('a batch norm without statistics cannot be recovered')
    return norm.running_mean, norm.running_var
