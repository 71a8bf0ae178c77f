# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`train`: from a recipe to a checkpoint, with everything that belongs to a run round it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import signal
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from drivseg_ros.base.user_path import user_path
from drivseg_ros.errors import ParameterError
from drivseg_ros.lab.training.data_check import check_data
from drivseg_ros.lab.training.data_module import RoadData
from drivseg_ros.lab.training.epoch_files import EpochFiles
from drivseg_ros.lab.training.failures import explained
from drivseg_ros.lab.training.hardware import Hardware
from drivseg_ros.lab.training.lightning_library import pl
from drivseg_ros.lab.training.losses import class_shares, create_loss, needs_class_shares
from drivseg_ros.lab.training.memory import keep_freed_memory
from drivseg_ros.lab.training.module import SegmentationModule
from drivseg_ros.lab.training.pictures import check_matplotlib, draw_curves, draw_samples
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_file import plain_recipe
from drivseg_ros.lab.training.reporter import Reporter, Silence
from drivseg_ros.lab.training.run_card import RunCard
from drivseg_ros.lab.training.run_folder import RunFolder
from drivseg_ros.lab.training.sources import RunData, open_data, resolve
from drivseg_ros.lab.training.state_file import SafetensorsIO
from drivseg_ros.lab.training.tracking import MlflowTracker
from drivseg_ros.lab.weights.pretrained import LoadedWeights, load_pretrained
from drivseg_ros.model.card import UNLABELLED
from drivseg_ros.networks.checkpoint import load_checkpoint
from drivseg_ros.networks.registry import create_network

_SAMPLES = 6


@dataclass(frozen=True)
class TrainingResult:
    """What a run left behind.

    Args:
        best: The checkpoint of the epoch with the least validation dice loss.
        last: The checkpoint of the last epoch.
        table: The metrics of all epochs, CSV.
        metrics: Those of the best epoch, by name.
    """

    best: Path
    last: Path
    table: Path
    metrics: dict[str, float]


def train(
    recipe: Recipe,
    output: Path,
    *,
    data: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    device: str = 'auto',
    devices: int = 1,
    workers: int = 0,
    threads: int = 0,
    cache: Path | None = None,
    mlflow: str | None = None,
    reporter: Reporter | None = None,
) -> TrainingResult:
    """Trains a network by a recipe.

    A run that was interrupted goes on with `resume` from the end of its last whole epoch, and ends
    with the same weights as one that was not, on the same machine, number of threads and device,
    if that device calculates the same twice (a CPU does).

    Args:
        recipe: The recipe.
        output: The folder of the run.
        data: What `${data}` stands for in the recipe.
        resume: Go on with the run in that folder.
        overwrite: Replace the run in that folder, if there is one.
        device: 'auto', 'cpu', 'cuda' or 'cuda:INDEX'.
        devices: On how many such devices, each with a batch of its own.
        workers: Processes that load frames; 0 loads them in this one.
        threads: CPU threads; 0 leaves torch's number.
        cache: A folder to keep decoded frames in, which runs may share; None decodes each time.
        mlflow: The address of an MLflow store; None keeps the run out of MLflow.
        reporter: Hears how it goes.

    Raises:
        DrivsegError: If something is missing or not allowed, or the run cannot go on.
        KeyboardInterrupt: If it is interrupted; it may go on.
    """
    if workers < 0 or threads < 0:
        raise ParameterError(f'workers {workers}, threads {threads}: 0 or more is allowed')
    check_matplotlib()
    hardware = Hardware.choose(device, devices, recipe.precision)
    if hardware.is_cpu:
        keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    run = open_data(recipe, data)
    folder = RunFolder(output)
    reporter = reporter or Silence()
    first = int(os.environ.get('LOCAL_RANK', 0)) == 0  # others are started by the first one
    with contextlib.ExitStack() as stack:
        if first:
            stack.enter_context(folder.locked())
            if overwrite:
                folder.clear()
            elif not resume:
                folder.refuse_run()
        frames = RoadData(
            recipe,
            run,
            cache=cache or folder.cache,
            cache_frames=cache is not None,
            workers=workers,
            threads=threads or 1,
            pin_memory=not hardware.is_cpu,
        )
        network, weights = _network(recipe, data)
        facts = {'recipe': plain_recipe(recipe), 'data': run.identities, 'devices': devices}
        said = ''
        if first and not resume:
            said, pixels = check_data(run, recipe.classes, reporter)
        else:
            frames.epoch = folder.go_on(facts, write=first)
            pixels = folder.pixels()
        shares = class_shares(pixels, run.sets) if needs_class_shares(recipe.loss) else None
        loss = create_loss(recipe.loss, class_shares=shares)
        _check_loss(loss, run)
        module = SegmentationModule(network, recipe, loss, run.sets, _titles(run))
        tracker = None
        if first and mlflow is not None:
            tracker = MlflowTracker(mlflow, recipe, folder.tracking)
            tracker.start(folder.rows() if resume else None)
        try:
            if first and not resume:
                folder.start(facts, recipe, said, pixels)
            card = RunCard(recipe, run, weights, network, hardware.words)
            if frames.epoch < recipe.epochs:
                files = EpochFiles(folder, card, reporter, tracker)
                _fit(recipe, hardware, folder, module, frames, files)
            if first:
                _draw(recipe, run, frames, folder)
        except BaseException:
            if tracker is not None:
                tracker.stop()
            raise
        if tracker is not None:
            tracker.finish(
                [folder.recipe, folder.data, folder.metrics, folder.curves, folder.samples]
            )
        return _result(folder)


def _network(recipe: Recipe, data: Path | None) -> tuple[nn.Module, LoadedWeights]:
    """The network with the weights it begins with, and what is known of these."""
    torch.manual_seed(recipe.seed)
    network = create_network(recipe.architecture, num_classes=len(recipe.classes))
    named = resolve(recipe.weights, data)
    weights = load_pretrained(network, recipe.architecture, named)
    # A card says which file it was, not in which folder.
    source = weights.source.replace(str(user_path(named)), Path(named).name)
    return network, dataclasses.replace(weights, source=source)


def _check_loss(loss: nn.Module, run: RunData) -> None:
    """Refuses a loss for another number of classes, on a frame that nobody labelled."""
    target = torch.full((1, 1, 1), UNLABELLED, dtype=torch.uint8)
    loss(torch.zeros(1, run.sets.num_classes, 1, 1), target, run.sets)


def _titles(run: RunData) -> tuple[str, ...]:
    """A name of each validation set, each another one."""
    titles: list[str] = []
    for opened in run.validation:
        title = opened.source.dataset
        same = sum(t == title or t.startswith(f'{title} ') for t in titles)
        titles.append(f'{title} {same + 1}' if same else title)
    return tuple(titles)


def _fit(
    recipe: Recipe,
    hardware: Hardware,
    folder: RunFolder,
    module: SegmentationModule,
    frames: RoadData,
    files: EpochFiles,
) -> None:
    with _quiet(), explained():
        trainer = pl.Trainer(
            **hardware.trainer_arguments(freezes=bool(recipe.freeze)),
            max_epochs=recipe.epochs,
            accumulate_grad_batches=recipe.accumulate,
            gradient_clip_val=recipe.clip or None,
            limit_train_batches=recipe.limit_batches or 1.0,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[files],
            plugins=[SafetensorsIO()],
            default_root_dir=folder.path,
            benchmark=not hardware.is_cpu,
        )
        before = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(module, frames, ckpt_path=str(folder.state) if frames.epoch else None)
        except SystemExit:
            # What Lightning makes of Ctrl-C, after which it would ignore the next one.
            if not isinstance(files.failure, KeyboardInterrupt):
                raise
        finally:
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(signal.SIGINT, before)
        if isinstance(files.failure, KeyboardInterrupt):
            raise files.failure


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Lightning from saying what the reporter says, and from advertising."""
    loggers = [logging.getLogger(f'lightning.{name}') for name in ('pytorch', 'fabric')]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', module='lightning')
            for message in ('lr_scheduler.step', 'does not have many', 'Grad strides do not match'):
                warnings.filterwarnings('ignore', message=f'.*{message}')
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _result(folder: RunFolder) -> TrainingResult:
    best = min(folder.rows(), key=lambda row: row['dice_loss'])
    return TrainingResult(folder.best, folder.last, folder.metrics, best)


def _draw(recipe: Recipe, run: RunData, frames: RoadData, folder: RunFolder) -> None:
    rows = folder.rows()
    draw_curves(rows, folder.curves, recipe.name)
    network, card = load_checkpoint(folder.best)
    draw_samples(network, card, frames.some_validation(_SAMPLES), run.sets, folder.samples)
