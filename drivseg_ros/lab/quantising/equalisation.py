# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Brings the channels of a tensor to like sizes, so that one scale fits them all.

A channel of a convolution's output can be divided by any positive factor if the convolutions that
read it multiply their weights for that channel by it: the ReLU between them lets the factor
through (Nagel et al., "Data-free quantization through weight equalization and bias correction",
ICCV 2019). A depthwise convolution has a scale for every channel and loses nothing by it. In
another one, what the activations gain, the weights may lose, so the factor takes both into account
(Xiao et al., "SmoothQuant", ICML 2023).
"""

from __future__ import annotations

import numpy as np

from drivseg_ros.lab.quantising.calibration import Observed
from drivseg_ros.lab.quantising.graph import Convolution, Graph

# The share of the activations in the factor. Weights have a scale for every output channel, and
# room to spare.
_ALPHA = 0.85
_LARGEST = 64.0  # factor; channels that are all but dead need no resolution
_SMALLEST = 1e-3  # of the largest channel


def equalise(graph: Graph, observed: dict[str, Observed]) -> int:
    """Changes weights and biases in place, and what was observed with them.

    Args:
        graph: the network; what it computes stays the same but for rounding.
        observed: by tensor; inputs and outputs of all convolutions.

    Returns:
        How many tensors were equalised.
    """
    readers: dict[str, list[Convolution]] = {}
    for convolution in graph.convolutions:
        readers.setdefault(convolution.source, []).append(convolution)
    done = 0
    for convolution in graph.convolutions:
        result = graph.behind_activation(convolution)
        behind = readers.get(result, [])
        alone = len(behind) == len(graph.consumers.get(result, [])) and result not in graph.outputs
        names = [convolution.weight, *(c.weight for c in behind)]
        names += [convolution.bias] if convolution.bias else []
        if not behind or not alone or any(len(graph.consumers[n]) > 1 for n in names):
            continue
        factors = _factors(graph, observed[result].magnitudes, behind)
        weight = graph.constant(convolution.weight)
        graph.replace_constant(convolution.weight, weight / _along(factors, weight, axis=0))
        if convolution.bias:
            graph.replace_constant(convolution.bias, graph.constant(convolution.bias) / factors)
        for reader in behind:
            weight = graph.constant(reader.weight)
            graph.replace_constant(reader.weight, weight * _by_weight(factors, weight, reader))
        for name in {convolution.output, result} & observed.keys():
            observed[name] = observed[name].divided(factors)
        done += 1
    return done


def _factors(graph: Graph, magnitudes: np.ndarray, behind: list[Convolution]) -> np.ndarray:
    """What to divide each channel by, float64 [channels], with a geometric mean of 1."""
    factors = _floored(magnitudes)
    if not all(_is_depthwise(graph, c) for c in behind):
        weights = np.max([_input_magnitudes(graph, c) for c in behind], axis=0)
        factors = factors**_ALPHA / _floored(weights) ** (1 - _ALPHA)
    factors = factors / np.exp(np.log(factors).mean())
    return np.clip(factors, 1 / _LARGEST, _LARGEST)


def _floored(values: np.ndarray) -> np.ndarray:
    largest = float(values.max())
    if largest == 0:
        return np.ones(len(values))
    return np.maximum(values.astype(np.float64), _SMALLEST * largest)


def _is_depthwise(graph: Graph, convolution: Convolution) -> bool:
    shape = graph.constant(convolution.weight).shape
    return convolution.group > 1 and shape[1] == 1 and shape[0] == convolution.group


def _input_magnitudes(graph: Graph, convolution: Convolution) -> np.ndarray:
    """The largest absolute weight by input channel."""
    weight = np.abs(graph.constant(convolution.weight))
    groups = weight.reshape(convolution.group, -1, *weight.shape[1:])
    axes = (1, *range(3, groups.ndim))
    return groups.max(axis=axes).reshape(-1)


def _by_weight(factors: np.ndarray, weight: np.ndarray, reader: Convolution) -> np.ndarray:
    """The factors of the input channels, in a shape that multiplies the weight."""
    per_output = np.repeat(
        factors.reshape(reader.group, -1), weight.shape[0] // reader.group, axis=0
    )
    return per_output.reshape(*weight.shape[:2], *([1] * (weight.ndim - 2)))


def _along(factors: np.ndarray, weight: np.ndarray, *, axis: int) -> np.ndarray:
    shape = [1] * weight.ndim
    shape[axis] = -1
    return factors.reshape(shape)
