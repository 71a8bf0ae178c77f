# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""torch the whole way on the device: tried on the CPU, and on a GPU where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")

pytest.importorskip('safetensors', reason="not installed: pip install '.[torch]'")

from checkpoints import (  # noqa: E402  # noqa: E402
    OUT_OF_MEMORY,
    image_engine,
    options,
    random_batch,
    write_random_checkpoint,
    write_tiny_checkpoint,
)

from drivseg_ros.engines import EngineOptions, ImageEngine, create_engine  # noqa: E402
from drivseg_ros.errors import DrivsegError, EngineError  # noqa: E402
from drivseg_ros.model.file import read_model_file  # noqa: E402
from drivseg_ros.segmenter import Segmenter  # noqa: E402

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='torch finds no NVIDIA GPU here'
)

IMAGE_SIZES = ((96, 128), (48, 64), (75, 31), (30, 200), (97, 129))


@pytest.mark.parametrize('resize', ['stretch', 'letterbox'])
def test_the_device_pipeline_agrees_with_the_plain_one(tiny_checkpoint: Path, resize: str) -> None:
    """Through the Segmenter, sizes mixed, some seen as rgb that are bgr in memory, twice over."""
    model = read_model_file(write_tiny_checkpoint(tiny_checkpoint, resize=resize))
    images = [
        cv2.GaussianBlur(random_batch(1, *size)[0], (0, 0), 2)[..., :: -1 if i % 2 else 1]
        for i, size in enumerate(IMAGE_SIZES)
    ]
    plain = Segmenter(create_engine('torch', model, options()))
    device = Segmenter(image_engine(model, max_batch=2))  # and grows when more come
    device.warm_up(batch_sizes=(1, 2))
    for order in (images, images[::-1], images[:2]):
        wanted = plain.segment(order, confidence=True)
        given = device.segment(order, confidence=True)
        for image, w, g in zip(order, wanted, given, strict=True):
            assert g.class_ids.shape == image.shape[:2]
            assert (g.class_ids == w.class_ids).mean() > 0.98
            difference = np.abs(g.confidence.astype(int) - w.confidence)
            assert difference.max() <= 2
    assert device.segment([]) == []
    device.close()


def test_shrunk_frames_give_the_very_same_mask(tiny_checkpoint: Path) -> None:
    model = read_model_file(write_tiny_checkpoint(tiny_checkpoint, width=640, height=360))
    image = random_batch(1, 720, 1280)[0]
    with Segmenter(create_engine('torch', model, options())) as plain:
        wanted = plain.segment([image], confidence=True)[0]
    with Segmenter(image_engine(model)) as device:
        given = device.segment([image], confidence=True)[0]
        assert given.timings.prepare_ms == 0.0
        assert isinstance(device.engine, ImageEngine)
    np.testing.assert_array_equal(given.class_ids, wanted.class_ids)
    np.testing.assert_array_equal(given.confidence, wanted.confidence)


def test_real_frames_on_the_device_pipeline(shared_data: Path, tmp_path: Path) -> None:
    paths = sorted((shared_data / 'bdd100k_drivable' / 'images').glob('*.jpg'))[::120]
    images = [cv2.imread(str(path))[..., ::-1] for path in paths]
    path = write_random_checkpoint(tmp_path / 'm.safetensors', width=640, height=360)
    model = read_model_file(path)
    with Segmenter(create_engine('torch', model, options())) as plain:
        wanted = plain.segment(images)
    with Segmenter(image_engine(model)) as device:
        given = device.segment(images)
    assert any(len(np.unique(w.class_ids)) > 1 for w in wanted)
    for w, g in zip(wanted, given, strict=True):
        assert (w.class_ids == g.class_ids).mean() >= 0.999


def test_results_belong_to_the_caller(tiny_checkpoint: Path) -> None:
    engine = image_engine(read_model_file(tiny_checkpoint))
    first = engine.segment([random_batch(1)[0]], confidence=True)[0]
    before = [plane.copy() for plane in first if plane is not None]
    engine.segment([random_batch(2)[1]], confidence=True)
    for plane, was in zip(first, before, strict=True):
        np.testing.assert_array_equal(plane, was)


def test_buffers_are_made_once_for_a_size(tiny_checkpoint: Path) -> None:
    """Neither frames of one size nor ever new sizes let the memory grow."""
    engine = image_engine(read_model_file(tiny_checkpoint))
    made: list[tuple[int, ...]] = []
    original = engine._device.buffer

    def counted(*shape: int) -> Any:
        made.append(shape)
        return original(*shape)

    engine._device.buffer = counted  # type: ignore[method-assign]
    for _ in range(3):
        engine.segment([random_batch(1, 50, 70)[0]], confidence=True)
    assert made == [(50, 70, 3), (2, 50, 70)]
    for width in range(20, 60):
        engine.segment([random_batch(1, 50, width)[0]], confidence=True)
    assert len(engine._lanes[0]) == 8


def test_out_of_memory_gives_the_buffers_back_and_the_engine_goes_on(tiny_checkpoint: Path) -> None:
    import weakref

    engine = image_engine(read_model_file(tiny_checkpoint))
    image = random_batch(1, 96, 128)[0]
    wanted = engine.segment([image], confidence=True)[0][0]
    lanes = weakref.WeakSet(lane for kept in engine._lanes for lane in kept.values())
    buffers = weakref.WeakSet([engine._input, engine._output])

    def fail(*_: Any) -> None:
        raise torch.cuda.OutOfMemoryError(OUT_OF_MEMORY)

    hook = engine._network.register_forward_pre_hook(fail)
    with pytest.raises(EngineError, match='has not enough memory') as caught:
        engine.segment([image], confidence=True)
    assert (len(lanes), len(buffers)) == (0, 0), 'held by the error'
    assert caught.value.__cause__ is None
    hook.remove()
    np.testing.assert_array_equal(engine.segment([image], confidence=True)[0][0], wanted)


@needs_gpu
@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'bf16'])
@pytest.mark.parametrize('n', [1, 3, 6])
def test_on_a_gpu(tmp_path: Path, precision: str, n: int) -> None:
    """The recordings give what the CPU gives, for every batch, also when sizes change."""
    path = write_random_checkpoint(tmp_path / 'm.safetensors', width=640, height=360)
    model = read_model_file(path)
    images = [cv2.GaussianBlur(random_batch(1, 720, 1280 + 2 * i)[0], (0, 0), 9) for i in range(n)]
    images[0] = images[0][..., ::-1]
    with Segmenter(create_engine('torch', model, options())) as cpu:
        wanted = cpu.segment(images, confidence=True)
    asked = EngineOptions(device='cuda', precision=precision, max_batch=n)
    with Segmenter(create_engine('torch', model, asked)) as gpu:
        assert isinstance(gpu.engine, ImageEngine)
        assert gpu.engine.device == 'cuda:0'
        for _ in range(3):
            given = gpu.segment(images, confidence=True)
            for w, g in zip(wanted, given, strict=True):
                bound = 0.999 if precision == 'fp32' else 0.99
                assert (w.class_ids == g.class_ids).mean() >= bound
        assert len(gpu.engine.time_network(n, runs=3)) == 3  # type: ignore[attr-defined]


@needs_gpu
def test_two_engines_on_a_gpu_at_once(tiny_checkpoint: Path) -> None:
    """One is made, and records, while the other one runs."""
    import threading

    model = read_model_file(tiny_checkpoint)
    asked = EngineOptions(device='cuda', max_batch=2)
    first = create_engine('torch', model, asked)
    batch = random_batch(2)
    failures: list[DrivsegError] = []
    done = threading.Event()

    def run() -> None:
        while not done.is_set():
            try:
                ids, _ = first.infer(batch, confidence=False)
                np.testing.assert_array_equal(ids, batch.argmax(-1))
            except DrivsegError as error:
                failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    for _ in range(5):
        second = create_engine('torch', model, asked)
        np.testing.assert_array_equal(second.infer(batch, confidence=False)[0], batch.argmax(-1))
        second.close()
    done.set()
    thread.join()
    assert failures == []
