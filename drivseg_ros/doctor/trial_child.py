# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One engine, described and tried on one frame, in a process of its own.

It is started by trial.py: a native library that crashes or hangs takes only this process with it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivseg_ros.base.child import OnNote, serve

if TYPE_CHECKING:
    import numpy as np

    from drivseg_ros.model.file import ModelFile

_RUNS = 5
_SEED = 1


def examine(request: Mapping[str, Any], note: OnNote) -> None:
    """Describes an engine, then tries it.

    Args:
        request: engine (its name), model (name, path or ''), folder (for files), self_test.
        note: called with what was found.
    """
    from drivseg_ros.engines.base import NotBuiltError
    from drivseg_ros.engines.registry import RUNTIMES
    from drivseg_ros.model.store import DEFAULT_MODEL, find_model

    engine, folder = request['engine'], Path(request['folder'])
    runtime = RUNTIMES.get(engine)  # none for 'auto'
    if runtime is not None:
        description = runtime.describe()
        note(description)
        if not description.devices:
            return
    if not request['self_test']:
        return
    if runtime is not None and runtime.checkpoints:
        model = _random_checkpoint(folder / 'random.safetensors')
    else:
        model = find_model(request['model'] or DEFAULT_MODEL)
    try:
        note(_try(engine, model, folder / 'reference.npy'))
    except NotBuiltError as error:
        note({'untried': str(error)})


def _try(name: str, model: ModelFile, reference: Path) -> dict[str, Any]:
    import numpy as np

    from drivseg_ros.engines import EngineOptions, create_engine
    from drivseg_ros.scenes import random_frame

    card = model.card
    frame = random_frame(_SEED, card.input_width, card.input_height).image
    batch = np.repeat(frame[None], model.batch or 1, axis=0)
    started = time.perf_counter()
    engine = create_engine(name, model, EngineOptions(build=False))
    class_ids = engine.infer(batch, confidence=False)[0].copy()
    load_s = time.perf_counter() - started
    times = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        engine.infer(batch, confidence=False)
        times.append(time.perf_counter() - started)
    if model.is_checkpoint:
        wanted = _by_the_plain_network(model, batch)
    else:
        wanted = _by_onnxruntime(model, batch, reference)
    result = {
        'engine': engine.name,
        'device': engine.device,
        'precision': engine.precision,
        'threads': engine.threads,
        'choice': engine.choice,
        'load_ms': round(load_s * 1e3, 1),
        'infer_ms': round(statistics.median(times) * 1e3, 2),
        'agreement': float(np.mean(class_ids == wanted)),
    }
    engine.close()
    return result


def _random_checkpoint(path: Path) -> ModelFile:
    """A network of random weights, since no checkpoint comes with the package."""
    import torch

    from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard
    from drivseg_ros.model.file import read_model_file
    from drivseg_ros.networks.checkpoint import save_checkpoint
    from drivseg_ros.networks.registry import create_network

    torch.manual_seed(_SEED)
    card = ModelCard('random', BDD100K_CLASSES, 640, 360)
    network = create_network('fast_scnn', num_classes=card.num_classes)
    save_checkpoint(network, path, architecture='fast_scnn', card=card)
    return read_model_file(path)


def _by_the_plain_network(model: ModelFile, batch: np.ndarray) -> np.ndarray:
    """The class ids that a checkpoint's network gives on the CPU, without an engine."""
    import torch

    from drivseg_ros.networks.checkpoint import load_network
    from drivseg_ros.networks.deployed import DeployedNetwork

    size = {'width': model.card.input_width, 'height': model.card.input_height}
    network = DeployedNetwork(load_network(model), **size).eval()
    with torch.inference_mode():
        ids: np.ndarray = network(torch.from_numpy(batch))[0].numpy()
    return ids


def _by_onnxruntime(model: ModelFile, batch: np.ndarray, kept: Path) -> np.ndarray:
    """The class ids of onnxruntime on the CPU, kept in a file for the trials of other engines."""
    import numpy as np

    from drivseg_ros.engines import EngineOptions, create_engine

    if not kept.exists():
        engine = create_engine('onnxruntime', model, EngineOptions(device='cpu'))
        np.save(kept, engine.infer(batch, confidence=False)[0])
        engine.close()
    ids: np.ndarray = np.load(kept)
    return ids


if __name__ == '__main__':
    serve(examine)
