# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""torch on a GPU: from the image's pixels to the mask at the image's size on the device.

Each image goes up once as it lies in memory and each mask comes down once. Between the two, the
CPU only starts recordings (CUDA graphs): one that resizes, one that runs the network, one that
brings the mask to the image's size. All buffers are made once for a size of images.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from drivseg_ros.engines.base import EngineOptions
from drivseg_ros.engines.torch_batch_engine import TorchBatchEngine
from drivseg_ros.engines.torch_device import TorchDevice
from drivseg_ros.engines.torch_resizing import DevicePlacing, DeviceRestoring
from drivseg_ros.errors import EngineError
from drivseg_ros.images.resizing import Placement
from drivseg_ros.model.file import ModelFile

_T = TypeVar('_T')
_SIZES_KEPT = 8  # image sizes for each place in the batch; a vehicle has one


class TorchImageEngine(TorchBatchEngine):
    """A TorchBatchEngine that also resizes on its device (`ImageEngine`).

    Args:
        model: as for TorchBatchEngine; options and device, too. It runs on the CPU as well, to no
            advantage there, so that it can be tried without a GPU.
        options: see `model`.
        device: see `model`.
    """

    def __init__(self, model: ModelFile, options: EngineOptions, *, device: torch.device) -> None:
        super().__init__(model, options, device=device)
        self._capacity = options.max_batch
        self._make_buffers()

    def infer(self, batch: np.ndarray, *, confidence: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Runs the network; see `Engine.infer`."""
        self._check_batch(batch)
        return self._guarded(lambda: self._infer(batch, 1 + confidence))

    def segment(
        self, images: Sequence[np.ndarray], *, confidence: bool
    ) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Runs the network on images of any size; see `ImageEngine.segment`."""
        if not images:
            return []
        return self._guarded(lambda: self._segment(images, 1 + confidence))

    def time_network(self, batch_size: int, runs: int) -> list[float]:
        """See `TorchBatchEngine.time_network`; timed is the recording that `segment` runs."""

        def work() -> list[float]:
            run = self._prepare_network(batch_size)
            run()
            return self._device.time(run, runs)

        return self._guarded(work)

    def close(self) -> None:
        """Frees the network, the buffers and the device's memory."""
        self._drop_buffers()
        super().close()

    def _infer(self, batch: np.ndarray, planes: int) -> tuple[np.ndarray, np.ndarray | None]:
        count = len(batch)
        run = self._prepare_network(count)
        np.copyto(self._host_input[:count].numpy(), batch)
        self._input[:count].copy_(self._host_input[:count], non_blocking=True)
        run()
        results = self._host_output[:planes, :count]
        for plane in range(planes):  # each contiguous, which both of them together are not
            results[plane].copy_(self._output[plane, :count], non_blocking=True)
        self._device.mark()()
        return results[0].numpy(), results[1].numpy() if planes == 2 else None

    def _segment(
        self, images: Sequence[np.ndarray], planes: int
    ) -> list[tuple[np.ndarray, np.ndarray | None]]:
        run = self._prepare_network(len(images))
        lanes = [self._lane(place, image) for place, image in enumerate(images)]
        # While the CPU copies one image, the device works on the one before.
        for lane, image in zip(lanes, images, strict=True):
            lane.send(image)
        run()
        waits = [lane.fetch(planes) for lane in lanes]
        results = []
        for lane, wait in zip(lanes, waits, strict=True):
            wait()
            results.append(lane.take(planes))
        return results

    def _make_buffers(self) -> None:
        card, device = self.model.card, self._device
        size = (card.input_height, card.input_width)
        self._runs: dict[int, Callable[[], None]] = {}
        self._lanes: list[OrderedDict[tuple, _Lane]] = [
            OrderedDict() for _ in range(self._capacity)
        ]
        with device.use():
            self._host_input = device.host_buffer(self._capacity, *size, 3)
            self._input = device.buffer(self._capacity, *size, 3)
            self._output = device.buffer(2, self._capacity, *size)
            self._host_output = device.host_buffer(2, self._capacity, *size)

    def _drop_buffers(self) -> None:
        empty = torch.empty(0, dtype=torch.uint8)
        self._runs, self._lanes = {}, []
        self._host_input = self._input = self._output = self._host_output = empty

    def _guarded(self, work: Callable[[], _T]) -> _T:
        """Does some work; if it fails, all memory is given back, for the next call to try anew."""
        try:
            with self._device.use():
                return work()
        except EngineError as error:
            # Another one, because this one holds the frames it passed, and they hold tensors.
            failure = EngineError(str(error))
        self._drop_buffers()
        self._device.release()
        raise failure

    def _prepare_network(self, count: int) -> Callable[[], None]:
        """The run of the network for the first `count` images of the input."""
        if count > self._capacity or not self._lanes:
            self._capacity = max(count, self._capacity)
            self._make_buffers()
        if count not in self._runs:
            self._runs[count] = self._device.record(lambda: self._fill_output(count))
        return self._runs[count]

    def _fill_output(self, count: int) -> None:
        for plane, result in enumerate(self._network(self._input[:count])):
            self._output[plane, :count].copy_(result)

    def _lane(self, place: int, image: np.ndarray) -> _Lane:
        """The lane for an image of this size at this place of the batch."""
        turned = image.strides[2] < 0
        key = (image.shape, turned)
        lanes = self._lanes[place]
        if key not in lanes:
            if len(lanes) == _SIZES_KEPT:
                lanes.popitem(last=False)
            height, width = image.shape[:2]
            card = self.model.card
            lanes[key] = _Lane(
                self._device,
                shape=(height, width),
                turned=turned,
                placement=Placement.of(card, image_width=width, image_height=height),
                target=self._input[place],
                results=self._output[:, place],
            )
        lanes.move_to_end(key)
        return lanes[key]


class _Lane:
    """The way of images of one size to one place of the batch, and of their masks back.

    Args:
        device: the device.
        shape: height and width of the images.
        turned: whether they are seen as RGB with their channels turned round in memory.
        placement: where they are in the network's input.
        target: that input, uint8 [h, w, 3].
        results: the network's results, uint8 [planes, h, w].
    """

    def __init__(
        self,
        device: TorchDevice,
        *,
        shape: tuple[int, int],
        turned: bool,
        placement: Placement,
        target: torch.Tensor,
        results: torch.Tensor,
    ) -> None:
        self._device = device
        self._turned = turned
        self._host_image = device.host_buffer(*shape, 3)
        self._image = device.buffer(*shape, 3)
        self._planes = device.buffer(len(results), *shape)
        self._host_planes = device.host_buffer(len(results), *shape)
        place = DevicePlacing(shape, placement, device=device.device, turned=turned)
        restore = DeviceRestoring(shape, placement, device=device.device)
        self._place = device.record(lambda: place(self._image, target))
        self._restore = device.record(lambda: restore(results, self._planes))

    def send(self, image: np.ndarray) -> None:
        """Puts an image into the network's input."""
        # As it lies in memory: to turn pixels round on the way costs a hundred times as much.
        np.copyto(self._host_image.numpy(), image[..., ::-1] if self._turned else image)
        self._image.copy_(self._host_image, non_blocking=True)
        self._place()

    def fetch(self, planes: int) -> Callable[[], None]:
        """Lets the results come; they are there when the function that is given returns."""
        self._restore()
        self._host_planes[:planes].copy_(self._planes[:planes], non_blocking=True)
        return self._device.mark()

    def take(self, planes: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Class ids and, of two planes, the confidence: arrays of the caller's own."""
        results = [plane.copy() for plane in self._host_planes[:planes].numpy()]
        return results[0], results[1] if planes == 2 else None
