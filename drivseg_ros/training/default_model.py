# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The network that ships with this package: its data and its recipe."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from drivseg_ros.scenes import random_frame
from drivseg_ros.training import datasets
from drivseg_ros.training.augmentation import Augmentation
from drivseg_ros.training.cache import CachedFrames, Frame, cached_frames, keep_drivable
from drivseg_ros.training.recipe import Recipe, Stage
from drivseg_ros.training.split import SPLIT_RULE, Part
from drivseg_ros.training.teacher import TwinLiteNet

WIDTH, HEIGHT = 640, 360

_MILDER = Augmentation(zoom_in=1.4, zoom_out=1.15, aspect=1.1, rotation=2.0, flip=0.2, weather=0.08)

RECIPE = Recipe(
    stages=(
        Stage(20, 256, 144, 16),
        Stage(13, 320, 184, 16),
        Stage(4, 448, 256, 16, _MILDER),
        Stage(7, 640, 360, 12, _MILDER, rate=3.0),
        Stage(5, 640, 360, 12, _MILDER, rate=4.0),
        Stage(4, 640, 360, 12, _MILDER, rate=6.0),
    ),
    samples={'bdd100k': 520, 'frames': 640, 'kitti': 20, 'camvid': 40, 'scenes': 660},
)

TRAINING_SCENES = range(3000)
HELD_OUT_SCENES = range(3_000_000, 3_000_200)
"""Seeds of rendered scenes (`drivseg_ros.scenes.random_frame`)."""


def scenes(seeds: range) -> Iterable[Frame]:
    """Rendered scenes as frames."""
    for seed in seeds:
        frame = random_frame(seed, WIDTH, HEIGHT)
        yield f'scene {seed}', frame.image, frame.class_ids


def load_sources(data: Path, cache: Path) -> dict[str, CachedFrames]:
    """Every source of the recipe by name, and 'validation', decoded, resized and cached."""
    sources: dict[str, CachedFrames] = {}
    teacher = TwinLiteNet(data / 'networks' / 'twinlitenet.onnx')

    def add(name: str, folders: list[datasets.LabelledFolder], *, ask_teacher: bool) -> None:
        def frames() -> Iterable[Frame]:
            for folder in folders:
                for stem, image, target in folder.read():
                    if ask_teacher:
                        target = keep_drivable(target, teacher.drivable(image))
                    yield stem, image, target

        sources[name] = cached_frames(
            cache,
            key=f'{name}|{[f.name for f in folders]}|teacher={ask_teacher}|{SPLIT_RULE}',
            count=sum(len(folder.pairs()) for folder in folders),
            frames=frames,
            width=WIDTH,
            height=HEIGHT,
        )

    add('bdd100k', [datasets.bdd100k(data, Part.TRAINING)], ask_teacher=False)
    add('validation', [datasets.bdd100k(data, Part.VALIDATION)], ask_teacher=False)
    add('frames', [datasets.pseudo_labelled(data)], ask_teacher=False)
    add('kitti', [datasets.kitti_road(data)], ask_teacher=True)
    add('camvid', [datasets.camvid(data, 'train'), datasets.camvid(data, 'val')], ask_teacher=True)
    sources['scenes'] = cached_frames(
        cache,
        key=f'scenes|{TRAINING_SCENES}',
        count=len(TRAINING_SCENES),
        frames=lambda: scenes(TRAINING_SCENES),
        width=WIDTH,
        height=HEIGHT,
    )
    return sources
