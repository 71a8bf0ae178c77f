# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which TensorRT plan a model needs, and getting it: from the cache, or built now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivseg_ros.base.gpus import Gpu, find_gpus
from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.engines.base import BuildProgress, EngineOptions, OnProgress, say_nothing
from drivseg_ros.engines.plan_cache import PlanCache, PlanKey
from drivseg_ros.engines.tensorrt_build import BuildOptions
from drivseg_ros.engines.tensorrt_library import TensorRT
from drivseg_ros.errors import EngineError
from drivseg_ros.model.file import ModelFile

if TYPE_CHECKING:
    from drivseg_ros.engines.build_process import OnLine

_CONVERTED = ('fp16', 'bf16')
# What tensorrt_rtx builds for by itself ("CPU-Only AOT and TensorRT-RTX Engines" in
# its documentation): 8.0, 8.6, 8.9, 12.0 and later.
_ANY = 'any'
_ANY_FROM = (8, 0)


@dataclass(frozen=True)
class Target:
    """What a plan is built for.

    Attributes:
        device: as it stands in the key.
        capability: as in `BuildOptions`.
        gpu: index of the GPU, where there is one.
    """

    device: str
    capability: str = ''
    gpu: int = 0


def find_gpu(device: str, library: TensorRT) -> Gpu | None:
    """The GPU that was asked for.

    Returns:
        None if the device is 'auto' and there is no GPU.

    Raises:
        EngineError: if the name is not one of TensorRT's, or this GPU is not there.
    """
    kind, _, index = device.partition(':')
    if device not in ('auto', 'cuda') and not (kind == 'cuda' and index.isdigit()):
        raise EngineError(
            f"unknown device {device!r}; {library.name} takes 'auto', 'cuda' or 'cuda:INDEX'"
        )
    gpus = find_gpus()
    number = int(index or 0)
    if number < len(gpus):
        return gpus[number]
    if device == 'auto':
        return None
    found = ', '.join(gpu.label for gpu in gpus) or 'none'
    raise EngineError(
        f'device {device!r} was asked for, but the NVIDIA GPUs that this process may use are: '
        f'{found}'
    )


def choose_target(library: TensorRT, device: str, compute_capability: str = '') -> Target:
    """What to build for.

    Args:
        library: the installed TensorRT.
        device: 'auto', 'cuda' or 'cuda:INDEX'.
        compute_capability: such as '8.9', for a GPU that is not here; '' builds for the one that
            is, or, if there is none, for all that tensorrt_rtx supports.

    Raises:
        EngineError: if this library cannot build so on this machine.
    """
    if compute_capability:
        allowed = library.compute_capabilities if library.builds_without_gpu else {}
        if compute_capability not in allowed:
            can = f'takes {", ".join(allowed)}' if allowed else 'builds for the GPU at hand only'
            raise EngineError(
                f'compute capability {compute_capability!r} was asked for; {library.name} '
                f'{library.version} {can}'
            )
        return _ahead_of_time(compute_capability)
    gpu = find_gpu(device, library)
    if gpu is not None:
        return Target(_describe(gpu), gpu=gpu.index)
    if library.builds_without_gpu:
        return _ahead_of_time(_ANY)
    raise EngineError(
        f'{library.name} builds plans only on a machine with the GPU they are for, and no NVIDIA '
        f'GPU was found; build there, or with TensorRT for RTX: {install_hint("tensorrt-rtx")}'
    )


def targets_for(gpu: Gpu, library: TensorRT) -> list[Target]:
    """What a plan may have been built for to run on this GPU, best first."""
    targets = [Target(_describe(gpu), gpu=gpu.index)]
    if library.builds_without_gpu:
        targets.append(_ahead_of_time('.'.join(map(str, gpu.capability))))
        if gpu.capability >= _ANY_FROM:
            targets.append(_ahead_of_time(_ANY))
    return targets


def choose_precision(model: ModelFile, precision: str) -> str:
    """The precision by its own name.

    Raises:
        EngineError: if the file cannot be run in it.
    """
    own = model.card.precision
    if precision in ('auto', own):
        return own
    if own == 'fp32' and precision in _CONVERTED:
        return precision
    if precision == 'int8':
        raise EngineError(
            f"precision 'int8' was asked for, and {model.path} is {own}; an int8 model is made "
            'from it with: drivseg quantize'
        )
    allowed = ('auto', own, *(_CONVERTED if own == 'fp32' else ()))
    raise EngineError(
        f'precision {precision!r} was asked for; TensorRT can run {model.path}, which is {own}, '
        f'with {", ".join(map(repr, allowed))}'
    )


def plan_key(
    model: ModelFile, options: EngineOptions, library: TensorRT, target: Target
) -> PlanKey:
    """The key of the plan that these options need.

    Raises:
        EngineError: as `choose_precision`.
    """
    return PlanKey(
        model_sha256=model.sha256,
        runtime=library.name,
        runtime_version=library.version,
        device=target.device,
        precision=choose_precision(model, options.precision),
        min_batch=model.batch or 1,
        max_batch=model.batch or options.max_batch,
        height=model.card.input_height,
        width=model.card.input_width,
        model_path=str(model.path.resolve()),
    )


def get_plan(
    model: ModelFile,
    key: PlanKey,
    target: Target,
    *,
    cache: PlanCache | None = None,
    on_progress: OnProgress = say_nothing,
    on_line: OnLine | None = None,
    verbose: bool = False,
) -> bytes:
    """The plan, which is built if it is not in the cache.

    Of several processes that want the same plan, one builds and the others wait for it.

    Args:
        model: the model file.
        key: of the plan.
        target: what to build it for.
        cache: where plans are kept; the user's own by default.
        on_progress: called with how far the build is.
        on_line: called with each line of the builder's log.
        verbose: whether that has every detail.

    Raises:
        EngineError: if the build fails or its result cannot be kept.
    """
    # Not at the top, for Python warns of a program that its package has imported already.
    from drivseg_ros.engines.build_process import BuildRequest, build_in_child

    cache = cache or PlanCache()
    plan = cache.load(key)
    if plan is not None:
        return plan
    cache.check_room(len(model.content))

    def waiting() -> None:
        on_progress(BuildProgress('waiting for another process that builds this plan', 0.0))

    with cache.lock(key, waiting=waiting):
        plan = cache.load(key)
        if plan is not None:
            return plan
        own = model.card.precision
        request = BuildRequest(
            model=model.path.resolve(),
            cache=cache.directory.resolve(),
            key=key,
            options=BuildOptions(
                convert_to='' if key.precision == own else key.precision,
                min_batch=key.min_batch,
                max_batch=key.max_batch,
                capability=target.capability,
                gpu=target.gpu,
                verbose=verbose,
            ),
        )
        build_in_child(request, log=cache.log_path(key), on_progress=on_progress, on_line=on_line)
        plan = cache.load(key)
    if plan is None:
        raise EngineError(
            f'the plan of {model.path} was built, but is gone or damaged in {cache.directory}; '
            'check that disk'
        )
    return plan


def _ahead_of_time(capability: str) -> Target:
    if capability == _ANY:
        return Target(f'compute capability {_ANY_FROM[0]}.{_ANY_FROM[1]} and newer', _ANY)
    return Target(f'compute capability {capability}', capability)


def _describe(gpu: Gpu) -> str:
    return f'{gpu.name} (compute capability {gpu.capability[0]}.{gpu.capability[1]})'
