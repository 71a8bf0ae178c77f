# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The time per frame of several networks, all taking turns in one run (`bench engine`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from drivseg_ros.base.gpus import find_gpus
from drivseg_ros.bench.engine import Choice, benchmark_engines
from drivseg_ros.engines.spec import EngineSpec
from drivseg_ros.model.file import ModelFile

ENGINE = 'onnxruntime'


def default_specs() -> list[EngineSpec]:
    """Onnxruntime on the CPU and, where there is one, on the GPU."""
    devices = ('cpu', 'cuda') if find_gpus() else ('cpu',)
    return [EngineSpec(ENGINE, device=device) for device in devices]


def parse_specs(texts: Sequence[str] | None) -> tuple[EngineSpec, ...]:
    """The engines a user asks for; None: the default ones.

    Raises:
        ParameterError: if one is not understood.
    """
    if texts is None:
        return tuple(default_specs())
    return tuple(EngineSpec.parse(text, device='cpu') for text in texts)


def time_networks(
    models: Sequence[ModelFile],
    specs: Sequence[EngineSpec],
    *,
    size: tuple[int, int],
    runs: int,
    threads: int,
    on_progress: Callable[[int, int], None],
) -> tuple[list[list[dict[str, Any]]], dict[str, Any]]:
    """Times every network with every engine.

    Args:
        models: the networks.
        specs: the engines.
        size: (width, height) of the images.
        runs: of each.
        threads: CPU threads of each; 0 leaves the choice to the engine.
        on_progress: called with the steps done and the steps there are.

    Returns:
        By network and engine: the engine's name, device, precision and threads; the medians of
        `infer` (the network on a batch of one) and `segment` (from the image to the mask of its
        size), in milliseconds; or a problem. And how it was measured.
    """
    choices = [Choice(model, spec, 1) for model in models for spec in specs]
    report = benchmark_engines(
        choices, sizes=[size], runs=runs, threads=threads, on_progress=on_progress
    )
    rows = iter(report['rows'])
    times = [[_time(next(rows), spec) for spec in specs] for _ in models]
    how = {'runs': runs, 'threads': threads, 'width': size[0], 'height': size[1]}
    return times, how | {'input': report['input'], 'engines': [str(spec) for spec in specs]}


def _time(row: dict[str, Any], spec: EngineSpec) -> dict[str, Any]:
    found: dict[str, Any] = {'spec': str(spec), 'problem': row['problem']}
    if row['problem']:
        return found
    engine = row['engine']
    found |= {key: engine[key] for key in ('engine', 'device', 'precision', 'threads')}
    segment = row['segment'][0]
    kept = ('count', 'median_ms', 'lower_quartile_ms', 'upper_quartile_ms')
    found['infer'] = {key: row['infer'][key] for key in kept}
    found['segment'] = {key: segment[key] for key in kept}
    return found
