# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The card of the network that ships with this package: what it is, and how good, measured."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from drivseg_ros.model_card import BDD100K_CLASSES, ModelCard
from drivseg_ros.segmenter import Segmenter
from drivseg_ros.training import datasets
from drivseg_ros.training.default_model import (
    HEIGHT,
    HELD_OUT_SCENES,
    RECIPE,
    TRAINING_SCENES,
    WIDTH,
    scenes,
)
from drivseg_ros.training.figures import lane_figures, road_figures
from drivseg_ros.training.split import SPLIT_RULE, Part

NAME = 'fast_scnn_bdd100k'

DATA_TERMS = (
    'Weights: Apache-2.0 as far as they are ours. Trained on BDD100K, Cityscapes, KITTI and CamVid '
    'frames, whose terms allow research and non-commercial use only; pseudo-labels came from '
    'TwinLiteNet and ESPNetv2-BDD. Ask for the terms of those sets before any other use.'
)

DATA = {
    'bdd100k_drivable': 'BDD100K validation frames with drivable polygons by lane; training part '
    'of the split below. BDD100K terms: research, non-commercial',
    'frames': 'single frames of some 700 drives (BDD100K, Cityscapes, KITTI and others), '
    'pseudo-labels agreed on by TwinLiteNet and ESPNetv2-BDD. Research, non-commercial',
    'kitti_road': 'KITTI road, not-road as background; road counts as drivable where TwinLiteNet '
    'agrees, else it is left out. CC BY-NC-SA 3.0',
    'camvid': 'CamVid train and val, used like KITTI road. CC BY-NC 4.0',
    'scenes': f'{len(TRAINING_SCENES)} rendered scenes of drivseg_ros, seeds '
    f'{TRAINING_SCENES.start} to {TRAINING_SCENES.stop - 1}',
}


def default_card(provenance: dict[str, Any]) -> ModelCard:
    """The card, with what is known of its origin."""
    return ModelCard(
        name=NAME,
        classes=BDD100K_CLASSES,
        input_width=WIDTH,
        input_height=HEIGHT,
        architecture='Fast-SCNN (Poudel et al. 2019)',
        description='Ego lane, other lanes of the same direction, and background, from a forward '
        'camera. Trained from nothing on a CPU, in less than two hours: a network to begin with.',
        precision='fp32',
        license=DATA_TERMS,
        provenance=provenance,
    )


def training_provenance(**facts: Any) -> dict[str, Any]:
    """What a card tells of the training: data, split, recipe, and the facts of the run."""
    return {
        'data': DATA,
        'split': f'bdd100k_drivable by file name: {SPLIT_RULE}. No weights were learned or '
        'picked by the held-out frames',
        'recipe': dataclasses.asdict(RECIPE),
        **facts,
    }


def measure(model: Path, data: Path, *, threads: int = 2) -> dict[str, Any]:
    """The figures of a model file, through `Segmenter` on onnxruntime.

    Args:
        model: The model file.
        data: The folder of data sets.
        threads: Of onnxruntime.
    """
    segmenter = Segmenter.open(model, engine='onnxruntime', device='cpu', threads=threads)
    try:
        return {
            'bdd100k_held_out': lane_figures(
                segmenter, datasets.bdd100k(data, Part.HELD_OUT).read()
            ),
            'scenes_held_out': {
                **lane_figures(segmenter, scenes(HELD_OUT_SCENES)),
                'seeds': [HELD_OUT_SCENES.start, HELD_OUT_SCENES.stop - 1],
            },
            'kitti_road_seen_in_training': road_figures(
                segmenter, datasets.kitti_road(data).read()
            ),
            'camvid_val_seen_in_training': road_figures(
                segmenter, datasets.camvid(data, 'val').read()
            ),
        }
    finally:
        segmenter.close()
