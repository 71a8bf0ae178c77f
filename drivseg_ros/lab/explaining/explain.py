# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An explanation of what a network says of an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivseg_ros.errors import DataError, ModelError, ParameterError
from drivseg_ros.lab.explaining.attention import BLOCKS, attention_of, by_stage, has_attention
from drivseg_ros.lab.explaining.explanation import Explanation, HeatMap
from drivseg_ros.lab.explaining.grad_cam import grad_cam
from drivseg_ros.lab.explaining.pixels import Spot, centre_bottom
from drivseg_ros.lab.explaining.subject import Subject
from drivseg_ros.networks.stages import stages_of

METHODS = ('auto', 'attention', 'grad-cam')

_SOURCES = {
    'attention': 'Xie et al., SegFormer, NeurIPS 2021, equations 1 and 2',
    'grad-cam': 'Selvaraju et al., Grad-CAM, ICCV 2017; Vinogradova et al., AAAI 2020',
}


def explain(
    subject: Subject,
    *,
    method: str = 'auto',
    classes: Sequence[str] = (),
    spot: Spot | None = None,
    layer: str | None = None,
    block: str = 'last',
) -> Explanation:
    """Explains what a network says.

    Attention: where the queries of some pixels look, by stage and head. The pixels are those of
    the spot, else those predicted as the class, else the road before the car.

    Grad-CAM: what speaks for each class, over the pixels of the spot, else over those predicted
    as the class.

    Args:
        subject: the network before an image.
        method: one of METHODS; auto is attention where there is one, else grad-cam.
        classes: names; of attention one at most, without a spot. grad-cam takes all with a role
            if none is named.
        spot: pixels of the image.
        layer: of grad-cam, if not the encoder's end: a stage (networks/stages.py) or a module.
        block: of attention, one of BLOCKS: each stage's last one, or the mean over them.

    Raises:
        ParameterError: if an option is not allowed, or does not go with the method.
        ModelError: if the network has no such class, layer or attention.
        DataError: if a class that was named is predicted nowhere.
    """
    for what, given, allowed in (('method', method, METHODS), ('block', block, BLOCKS)):
        if given not in allowed:
            raise ParameterError(f'the {what} {given!r} is unknown; allowed: {", ".join(allowed)}')
    twice = next((name for name in classes if classes.count(name) > 1), None)
    if twice is not None:
        raise ParameterError(f'the class {twice!r} was given twice; give each once (--class)')
    if method == 'auto':
        method = 'attention' if has_attention(subject.network) else 'grad-cam'
    if method == 'grad-cam':
        if block != 'last':
            raise ParameterError(f'the block {block!r} is for attention, and this is {method}')
        return _activation(subject, classes, spot, layer)
    if layer is not None:
        raise ParameterError(f'the layer {layer!r} is for grad-cam, and this is {method}')
    return _attention(subject, classes, spot, block)


def _attention(
    subject: Subject, classes: Sequence[str], spot: Spot | None, block: str
) -> Explanation:
    if len(classes) > 1 or (classes and spot is not None):
        raise ParameterError(
            'attention is shown for the pixels of one class, or for pixels named; give one class '
            '(--class), or --at, or --region'
        )
    if classes:
        mask = _predicted(subject, classes[0])
        question = f'the mean over all pixels predicted as {classes[0]}'
    else:
        height, width = subject.image.shape[:2]
        spot = spot or centre_bottom(image_width=width, image_height=height)
        mask, question = _spot_mask(subject, spot), str(spot)
    rows = by_stage(attention_of(subject.network, subject.planes, mask), block)
    return _explanation(
        subject,
        'attention',
        f'attention of {question}',
        [(f'stage {number}', maps) for number, maps in enumerate(rows, start=1)],
        mask,
        block={'last': 'the last one of each stage', 'mean': 'the mean over each stage'}[block],
    )


def _activation(
    subject: Subject, classes: Sequence[str], spot: Spot | None, layer: str | None
) -> Explanation:
    card = subject.card
    names = list(classes) or [card.class_names[i] for i in card.road_ids]
    if not names:
        raise ModelError(
            f'{card.name} has no class with a role, so none is chosen by itself; name one '
            f'(--class): {", ".join(card.class_names)}'
        )
    scores = []
    for name in names:
        if spot is not None:
            mask = _spot_mask(subject, spot)
        elif classes:
            mask = _predicted(subject, name)
        else:
            mask = subject.predicted_as(subject.class_id(name))
        scores.append((subject.class_id(name), mask))
    chosen = _layer(subject.architecture, layer)
    values = grad_cam(subject.network, subject.planes, layer=chosen, scores=scores)
    maps = tuple(
        HeatMap(name, one, note='' if mask.any() else 'predicted nowhere')
        for name, one, (_, mask) in zip(names, values, scores, strict=True)
    )
    over = 'the pixels predicted as each class' if spot is None else str(spot)
    return _explanation(
        subject,
        'grad-cam',
        f'what speaks for a class, over {over}',
        [('', maps)],
        None if spot is None else scores[0][1],
        layer=chosen,
    )


def _layer(architecture: str, wanted: str | None) -> str:
    """The module of a stage, or the one named itself.

    None is the end of the encoder: there the maps have seen the most of the image and still show
    where. Selvaraju et al. (section 3) take the last convolutional layer, Vinogradova et al. the
    bottleneck of U-Net.
    """
    stages = stages_of(architecture)
    if wanted is not None:
        return stages.get(wanted, wanted)
    encoder = [path for name, path in stages.items() if name.startswith('stage')]
    if not encoder:
        raise ModelError(
            f'where the encoder of {architecture!r} ends is unknown (networks/stages.py); name a '
            'module of the network with --layer'
        )
    return encoder[-1]


def _explanation(
    subject: Subject,
    method: str,
    question: str,
    rows: Sequence[tuple[str, tuple[HeatMap, ...]]],
    asked: np.ndarray | None,
    **facts: str,
) -> Explanation:
    return Explanation(
        method=method,
        question=question,
        rows=tuple(rows),
        image=subject.image,
        class_ids=subject.class_ids,
        asked=asked,
        placement=subject.placement,
        card=subject.card,
        facts={**facts, 'architecture': subject.architecture, 'source': _SOURCES[method]},
    )


def _spot_mask(subject: Subject, spot: Spot) -> np.ndarray:
    height, width = subject.image.shape[:2]
    return spot.mask(
        image_width=width,
        image_height=height,
        placement=subject.placement,
        width=subject.card.input_width,
        height=subject.card.input_height,
    )


def _predicted(subject: Subject, name: str) -> np.ndarray:
    mask = subject.predicted_as(subject.class_id(name))
    if not mask.any():
        there = sorted(set(subject.class_ids.ravel().tolist()))
        raise DataError(
            f'no pixel of this image is predicted as {name}; predicted are '
            f'{", ".join(subject.card.class_names[i] for i in there)}: name one of these, or '
            'pixels (--at, --region)'
        )
    return mask
