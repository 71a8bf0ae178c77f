# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a run: its curves, and what its network makes of some validation frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import MissingDependencyError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.images.writing import write_picture
from drivseg_ros.lab.training.augmentation.sheet import blend_target
from drivseg_ros.model.card import ModelCard
from drivseg_ros.networks.deployed import DeployedNetwork

_TILE_WIDTH = 480
_GAP = 4


def check_matplotlib() -> None:
    """Refuses to train without the library that draws the curves, before the work.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            'training draws its curves with matplotlib, which is not installed: '
            f'{install_hint("train")}'
        ) from None


def draw_curves(rows: Sequence[Mapping[str, float]], path: Path, title: str) -> None:
    """Losses, metrics and learning rate by epoch, as PNG.

    Args:
        rows: The rows of metrics.csv.
        path: The file to write.
        title: Over the picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(rows[0])
    panels = [
        ('loss', [n for n in names if n == 'train_loss' or n.endswith('dice_loss')]),
        ('metrics', [n for n in names if 'iou' in n or n.endswith('accuracy')]),
        ('learning rate', ['learning_rate']),
    ]
    figure = Figure(figsize=(15, 4.5), layout='constrained')
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    epochs = [row['epoch'] for row in rows]
    for axes, (label, shown) in zip(figure.subplots(1, 3), panels, strict=True):
        for name in shown:
            axes.plot(epochs, [row[name] for row in rows], marker='.', label=name)
        axes.set_xlabel('epoch')
        axes.set_title(label)
        axes.grid(alpha=0.3)
        if shown:
            axes.legend(fontsize='small')
    best = min(rows, key=lambda row: row['dice_loss'])['epoch']
    for axes in figure.axes[:2]:
        axes.axvline(best, color='grey', linestyle=':')
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=100)


def draw_samples(
    network: nn.Module,
    card: ModelCard,
    frames: Sequence[tuple[np.ndarray, np.ndarray]],
    sets: LabelSets,
    path: Path,
) -> None:
    """Frames in rows of image, label and prediction, as PNG.

    A label that allows several classes is striped in their colours, and grey where there is none.

    Args:
        network: The network.
        card: Its card.
        frames: Images uint8 [H, W, 3] RGB and targets uint8 [H, W], of the network's size.
        sets: What the targets' codes mean.
        path: The file to write.
    """
    deployed = DeployedNetwork(network, width=card.input_width, height=card.input_height).eval()
    rows = []
    for image, target in frames:
        with torch.inference_mode():
            ids = deployed(torch.from_numpy(np.ascontiguousarray(image))[None])[0][0].numpy()
        drawn = (blend_target(image, plane, card.classes, sets) for plane in (target, ids))
        rows.append(_row([image, *drawn]))
    sheet = np.concatenate(rows)[:-_GAP]
    write_picture(path, sheet)


def _row(pictures: Sequence[np.ndarray]) -> np.ndarray:
    height, width = pictures[0].shape[:2]
    size = (_TILE_WIDTH, max(1, round(height * _TILE_WIDTH / width)))
    how = cv2.INTER_AREA if width > _TILE_WIDTH else cv2.INTER_NEAREST
    tiles = [cv2.resize(p, size, interpolation=how) for p in pictures]
    row = np.full((size[1] + _GAP, 3 * (_TILE_WIDTH + _GAP) - _GAP, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        left = place * (_TILE_WIDTH + _GAP)
        row[: size[1], left : left + _TILE_WIDTH] = tile
    return row
