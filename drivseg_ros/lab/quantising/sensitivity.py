# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which layers stay in float: `quantize_static` itself does not look what an integer costs.

Each layer is quantised alone, and the pixels are counted that get another class than the whole
network in float gives them. Those that change most stay in float, one more after the other, until
the network as a whole is close enough. That is decided on frames of the calibration, so that the
frames it is evaluated on remain unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from drivseg_ros.lab.importing.proof import Runner
from drivseg_ros.lab.quantising.static import StaticInt8
from drivseg_ros.model.file import CLASS_IDS_NAME, INPUT_NAME

# Other frames will not agree quite as well: half of the disagreement that is allowed.
_SHARE_OF_BOUND = 1 / 2
_RANKING_FRAMES = 16

OnStep = Callable[[str, int, int], None]
"""Called with what is done, steps done, and steps in all."""


@dataclass(frozen=True, eq=False)
class Choice:
    """A network in int8 with some layers in float.

    Attributes:
        model: The graph.
        kept_float: These layers, in the order in which they were taken.
        agreement: Share of equal pixels on calibration frames, in percent.
    """

    model: onnx.ModelProto
    kept_float: tuple[str, ...]
    agreement: float


class Sensitivity:
    """Tries int8 versions of a network on a few frames.

    Args:
        maker: Makes them.
        model: The network in float.
        batches: Frames of the calibration, uint8 [N, H, W, 3] each, at the network's size.
        threads: CPU threads.
        on_step: Is called with the progress.
    """

    def __init__(
        self,
        maker: StaticInt8,
        model: onnx.ModelProto,
        batches: Sequence[np.ndarray],
        *,
        threads: int,
        on_step: OnStep,
    ) -> None:
        self._maker = maker
        self._batches = batches
        self._threads = threads
        self._on_step = on_step
        self._wanted = self._class_ids(model, batches)

    def rank(self) -> list[str]:
        """The layers; first those that change the most pixels."""
        places = np.linspace(0, len(self._batches) - 1, _RANKING_FRAMES).round().astype(int)
        few = sorted(set(places.tolist()))
        layers = self._maker.layers
        agreement = {}
        for done, layer in enumerate(layers):
            self._on_step('trying layers', done, len(layers))
            agreement[layer] = self._agreement(self._int8_only(layer), few)
        self._on_step('trying layers', len(layers), len(layers))
        return sorted(layers, key=lambda layer: agreement[layer])

    def keep_float(self, layers: Sequence[str]) -> Choice:
        """Keeps some layers in float."""
        model = self._maker.with_float(layers)
        return Choice(model, tuple(layers), self._agreement(model, range(len(self._batches))))

    def choose(self, ranking: Sequence[str], *, min_agreement: float) -> Choice:
        """Keeps as few layers in float as bring the agreement up, with a margin.

        Args:
            ranking: Of `rank`.
            min_agreement: In percent, what other frames are to reach.

        Returns:
            The choice; with half of the layers in float if that is not enough either.
        """
        target = 100 - (100 - min_agreement) * _SHARE_OF_BOUND
        most = len(ranking) // 2
        count = 0
        while True:
            self._on_step('choosing layers to keep in float', count, most)
            choice = self.keep_float(ranking[:count])
            if choice.agreement >= target or count >= most:
                self._on_step('choosing layers to keep in float', most, most)
                return choice
            count = min(most, count + 1 + count // 4)

    def _int8_only(self, layer: str) -> onnx.ModelProto:
        return self._maker.with_float([name for name in self._maker.layers if name != layer])

    def _agreement(self, model: onnx.ModelProto, places: Sequence[int]) -> float:
        class_ids = self._class_ids(model, [self._batches[i] for i in places])
        equal = [np.mean(got == self._wanted[i]) for got, i in zip(class_ids, places, strict=True)]
        return 100 * float(np.mean(equal))

    def _class_ids(self, model: onnx.ModelProto, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
        runner = Runner(model, 'the quantised network', threads=self._threads)
        # [:1]: a fixed batch holds one frame several times.
        return [runner.run({INPUT_NAME: batch}, [CLASS_IDS_NAME])[0][:1] for batch in batches]
