# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How published weight files name their tensors, and what our networks call them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from drivseg_ros.networks.normalisation import DEVIATION, MEAN


@dataclass(frozen=True)
class WeightForm:
    """The names of a kind of weight file.

    Attributes:
        name: What the file is, for messages.
        fills: How the names of the parameters begin that such a file must give; it must give all
            of them and no other.
        prefix: Put before a tensor's name, where no rename applies.
        renames: How a tensor's name begins in the file, and what that becomes in our network; the
            longest one counts.
        drops: How the names of tensors begin that are left out, such as ImageNet's classifier.
        flat: Convolutions, by our name, that the file may hold as fully connected layers: with
            the same values, in the same order.
        classes: The tensor of the file whose first dimension is the number of classes, or empty.
            If the network has another number, the tensors that depend on it stay as they are.
        stem: The first convolution's weight and the running mean of the norm behind it, by our
            names, where the weights were trained on images normalised in another way than ours.
        normalised: Mean and deviation, in grey levels, of the images they were trained on.
    """

    name: str
    fills: tuple[str, ...]
    prefix: str = ''
    renames: Mapping[str, str] = field(default_factory=dict)
    drops: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()
    classes: str = ''
    stem: tuple[str, str] | None = None
    normalised: tuple[float, float] = (0.0, 1.0)

    def our_name(self, name: str) -> str:
        """What our network calls a tensor of the file; empty if it is left out."""
        if name.startswith(self.drops):
            return ''
        for begin in sorted(self.renames, key=len, reverse=True):
            if name.startswith(begin):
                return self.renames[begin] + name.removeprefix(begin)
        return self.prefix + name

    def translate(
        self, tensors: Mapping[str, Tensor], state: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The tensors of a file by our names, in the shapes of our network's state.

        A shape that is not the network's stays as it is, for the caller to refuse.
        """
        named = {self.our_name(name): tensor for name, tensor in tensors.items()}
        named.pop('', None)
        for name in self.flat:
            if name in named and named[name].numel() == state[name].numel():
                named[name] = named[name].reshape(state[name].shape)
        if self.stem and all(named[name].shape == state[name].shape for name in self.stem):
            weight, mean = self.stem
            named[weight], named[mean] = self._renormalise(named[weight], named[mean])
        return named

    def _renormalise(self, weight: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        """Weights that answer to our images as these do to theirs, away from the border.

        Their image is (grey - m) / d, ours (grey - MEAN) / DEVIATION; so the one is a multiple of
        the other and an offset, of which the norm's mean takes care.
        """
        m, d = self.normalised
        weight, mean = weight.float(), mean.float()
        offset = (torch.tensor(MEAN) - m).view(1, 3, 1, 1) / d
        scale = torch.tensor(DEVIATION).view(1, 3, 1, 1) / d
        return weight * scale, mean - (weight * offset).sum(dim=(1, 2, 3))


CHECKPOINT = WeightForm('a checkpoint', ('',))


def _resnet50(prefix: str) -> tuple[WeightForm, ...]:
    """Of torchvision and timm, who name it alike, and of segmentation_models_pytorch."""
    return (WeightForm('a ResNet-50', (prefix,), prefix=prefix, drops=('fc.',)),)


_FULLY_CONNECTED = ('classifier.0.weight', 'classifier.3.weight')
_VGG16 = (
    WeightForm(
        'a VGG-16 of timm',
        ('features.', 'classifier.'),
        renames={'pre_logits.fc1.': 'classifier.0.', 'pre_logits.fc2.': 'classifier.3.'},
        drops=('head.',),
        flat=_FULLY_CONNECTED,
    ),
    WeightForm(
        'a VGG-16 of torchvision',
        ('features.', 'classifier.'),
        drops=('classifier.6.',),
        flat=_FULLY_CONNECTED,
    ),
    WeightForm('the convolutions of a VGG-16', ('features.',)),
)
_SEGFORMER = (
    WeightForm(
        'a Mix Transformer of segmentation_models_pytorch',
        ('network.encoder.',),
        prefix='network.encoder.',
        drops=('head.',),
    ),
    WeightForm(
        'a SegFormer of segmentation_models_pytorch',
        ('network.',),
        prefix='network.',
        classes='segmentation_head.0.weight',
    ),
)

# Blocks of each stage of EfficientNet-Lite0, by which timm counts them.
_LITE0_STAGES = (1, 2, 2, 3, 3, 4, 1)
# As its authors trained it. timm's own `efficientnet_lite0` has the same names, but was trained on
# images normalised as ours are: it is not the one meant here.
_LITE0_NORMALISED = (127.0, 128.0)


def _lite0(prefix: str, *, blocks: int) -> tuple[WeightForm, ...]:
    """Of timm, and of the ports that name the layers as TensorFlow's authors do.

    Args:
        prefix: How the names in our encoder begin.
        blocks: How many blocks our encoder has; the file's other ones are left out.
    """
    places = [(s, i) for s, count in enumerate(_LITE0_STAGES) for i in range(count)]
    timm = {'conv_stem.': 'stem.0.', 'bn1.': 'stem.1.'}
    ported = {'_conv_stem.': 'stem.0.', '_bn0.': 'stem.1.'}
    for block, (stage, index) in enumerate(places[:blocks]):
        layers = ('depthwise', 'project') if block == 0 else ('expand', 'depthwise', 'project')
        convolutions = ('conv_dw', 'conv_pw') if block == 0 else ('conv_pw', 'conv_dw', 'conv_pwl')
        for number, (layer, convolution) in enumerate(zip(layers, convolutions, strict=True)):
            timm[f'blocks.{stage}.{index}.{convolution}.'] = f'blocks.{block}.{layer}.0.'
            timm[f'blocks.{stage}.{index}.bn{number + 1}.'] = f'blocks.{block}.{layer}.1.'
        for layer, norm in (('expand', '_bn0'), ('depthwise', '_bn1'), ('project', '_bn2')):
            if layer in layers:
                ported[f'_blocks.{block}._{layer}_conv.'] = f'blocks.{block}.{layer}.0.'
                ported[f'_blocks.{block}.{norm}.'] = f'blocks.{block}.{layer}.1.'
    spare = list(enumerate(places))[blocks:]
    stem = (f'{prefix}stem.0.weight', f'{prefix}stem.1.running_mean')
    return (
        WeightForm(
            'a tf_efficientnet_lite0 of timm',
            (prefix,),
            renames={name: prefix + ours for name, ours in timm.items()},
            drops=(
                *('conv_head.', 'bn2.', 'classifier.'),
                *(f'blocks.{stage}.{index}.' for _, (stage, index) in spare),
            ),
            stem=stem,
            normalised=_LITE0_NORMALISED,
        ),
        WeightForm(
            'an EfficientNet-Lite0 with the names of its authors',
            (prefix,),
            renames={name: prefix + ours for name, ours in ported.items()},
            drops=('_conv_head.', '_bn1.', '_fc.', *(f'_blocks.{block}.' for block, _ in spare)),
            stem=stem,
            normalised=_LITE0_NORMALISED,
        ),
    )


FORMS: Mapping[str, tuple[WeightForm, ...]] = {
    'deeplabv3plus_resnet50': _resnet50('network.encoder.'),
    'efficientnet_lite_fpn': _lite0('encoder.', blocks=13),
    'fcn_resnet50': _resnet50('backbone.'),
    'fcn8s_vgg16': _VGG16,
    'pspnet_resnet50': _resnet50('backbone.'),
    **{f'segformer_{size}': _SEGFORMER for size in ('b0', 'b1', 'b2', 'b3', 'b4', 'b5')},
}
"""The kinds of weight files that an architecture takes, besides our own checkpoints."""
