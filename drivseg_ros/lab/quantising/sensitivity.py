# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which convolutions bear int8, and how many must stay in float.

Each is quantised alone, and the pixels are counted that get another class than the whole network
in float gives them. Those that spoil most for what they would save stay in float, one more after
the other, until the network as a whole is close enough. That is decided on frames of the
calibration, so that the frames it is judged by remain strange to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from drivseg_ros.lab.quantising.calibration import Observed, open_session
from drivseg_ros.lab.quantising.graph import Graph
from drivseg_ros.lab.quantising.qdq import write_int8
from drivseg_ros.model.file import CLASS_IDS_NAME, INPUT_NAME

# Other frames will not agree quite as well: half of the disagreement that is allowed.
_SHARE_OF_BOUND = 1 / 2
_RANKING_FRAMES = 16
# To bring a value to integers and back takes as long as so many multiplications in a convolution
# (onnxruntime and OpenVINO on a Zen 4).
_CONVERSION = 30

OnStep = Callable[[str, int, int], None]
"""Called with what is done, steps done, and steps in all."""


@dataclass(frozen=True)
class FloatChoice:
    """Which layers stay in float.

    Attributes:
        layers: by name, in the order in which they were taken.
        agreement: share of equal pixels with the rest in int8, in percent, on calibration frames.
    """

    layers: tuple[str, ...]
    agreement: float


class Sensitivity:
    """Tries quantised versions of a network on a few frames.

    Args:
        graph: the network in float.
        observed: by tensor; inputs and results of all convolutions.
        batches: uint8 [N, H, W, 3] each.
        threads: CPU threads.
        on_step: told of progress.
    """

    def __init__(
        self,
        graph: Graph,
        observed: dict[str, Observed],
        batches: Sequence[np.ndarray],
        *,
        threads: int,
        on_step: OnStep,
    ) -> None:
        self._graph = graph
        self._observed = observed
        self._batches = batches
        self._threads = threads
        self._on_step = on_step
        self._layers = [c.output for c in graph.convolutions if c.output not in graph.outermost]
        self._wanted = self._class_ids(graph.model, batches)

    def rank(self) -> list[str]:
        """The layers; first those that spoil the most pixels for the work that int8 saves."""
        places = np.linspace(0, len(self._batches) - 1, _RANKING_FRAMES).round().astype(int)
        few = sorted(set(places.tolist()))
        agreement = {}
        for done, layer in enumerate(self._layers):
            self._on_step('trying layers', done, len(self._layers))
            agreement[layer] = self._agreement([layer], few)
        self._on_step('trying layers', len(self._layers), len(self._layers))
        return sorted(
            self._layers,
            key=lambda layer: (100 - agreement[layer]) / self._work(layer),
            reverse=True,
        )

    def keep_float(self, ranking: Sequence[str], count: int) -> FloatChoice:
        """Keeps a number of layers in float."""
        kept = tuple(ranking[:count])
        int8 = [layer for layer in self._layers if layer not in kept]
        return FloatChoice(kept, self._agreement(int8, range(len(self._batches))))

    def choose(self, ranking: Sequence[str], *, min_agreement: float) -> FloatChoice:
        """Keeps as few layers in float as bring the agreement up, with a margin.

        Args:
            ranking: of `rank`.
            min_agreement: in percent, what other frames shall reach.

        Returns:
            The choice; with half of the layers in float if that is not enough either.
        """
        target = 100 - (100 - min_agreement) * _SHARE_OF_BOUND
        most = len(ranking) // 2
        count = 0
        while True:
            self._on_step('choosing layers to keep in float', count, most)
            choice = self.keep_float(ranking, count)
            if choice.agreement >= target or count >= most:
                self._on_step('choosing layers to keep in float', most, most)
                return choice
            count = min(most, count + 1 + count // 4)

    def _work(self, layer: str) -> int:
        """What a layer costs in float, in multiplications: its own, and conversions round it."""
        convolution = next(c for c in self._graph.convolutions if c.output == layer)
        source, result = (self._observed[n] for n in (convolution.source, layer))
        own = self._graph.constant(convolution.weight).size * result.positions
        return own + _CONVERSION * (source.values + result.values)

    def _agreement(self, int8: Sequence[str], places: Sequence[int]) -> float:
        model = write_int8(self._graph, self._observed, int8)
        class_ids = self._class_ids(model, [self._batches[i] for i in places])
        equal = [np.mean(got == self._wanted[i]) for got, i in zip(class_ids, places, strict=True)]
        return 100 * float(np.mean(equal))

    def _class_ids(self, model: onnx.ModelProto, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
        session = open_session(model, threads=self._threads)
        # [:1]: a fixed batch holds one frame several times.
        return [session.run([CLASS_IDS_NAME], {INPUT_NAME: b})[0][:1] for b in batches]
