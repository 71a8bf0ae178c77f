# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The modules of each architecture whose outputs show what it looks at."""

from __future__ import annotations

from collections.abc import Mapping

_RESNET = {f'stage{i}': f'backbone.layer{i}' for i in (1, 2, 3, 4)}
_SEGFORMER = {
    **{f'stage{i}': f'network.encoder.norm{i}' for i in (1, 2, 3, 4)},
    'decoder': 'network.decoder.fuse_stage',
}
_STAGES: Mapping[str, Mapping[str, str]] = {
    'deeplabv3plus_resnet50': {
        **{f'stage{i}': f'network.encoder.layer{i}' for i in (1, 2, 3, 4)},
        'decoder': 'network.decoder.block2',
    },
    'efficientnet_lite_fpn': {
        **{f'stage{i + 1}': f'encoder.blocks.{block}' for i, block in enumerate((2, 4, 10, 12))},
        'pyramid': 'context',
        'decoder': 'joint4',
    },
    'fast_scnn': {
        'downsample': 'downsample',
        'stage1': 'features.0',
        'stage2': 'features.1',
        'stage3': 'features.2',
        'pyramid': 'features.3',
        'decoder': 'fusion',
    },
    'fcn8s_vgg16': {
        **{f'stage{i + 1}': f'features.{stop}' for i, stop in enumerate((4, 9, 16, 23, 30))},
        'decoder': 'classifier',
    },
    'fcn_resnet50': {**_RESNET, 'decoder': 'classifier.3'},
    'pspnet_resnet50': {**_RESNET, 'decoder': 'pyramid'},
    **{f'segformer_{size}': _SEGFORMER for size in ('b0', 'b1', 'b2', 'b3', 'b4', 'b5')},
    'unet': {
        **{f'stage{i + 1}': f'down.{i}' for i in range(5)},
        'decoder': 'up.0',
    },
}


def stages_of(architecture: str) -> Mapping[str, str]:
    """The names of the modules that end the stages of a network, by the stages' names.

    Each gives one float map [N, channels, h, w], on which the logits depend. Those named 'stage...'
    are the encoder's, from fine to coarse: the last of them is its end, before any pooling over
    the whole image. 'decoder' stands right before the classifier (FCN-8s: before that of its
    coarsest scores).

    Args:
        architecture: The network's name in the registry.

    Returns:
        Nothing where none are named.
    """
    return _STAGES.get(architecture, {})
