# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How published weight files name their tensors, and what our networks call them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


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
    """

    name: str
    fills: tuple[str, ...]
    prefix: str = ''
    renames: Mapping[str, str] = field(default_factory=dict)
    drops: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()
    classes: str = ''

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
        return named


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

FORMS: Mapping[str, tuple[WeightForm, ...]] = {
    'deeplabv3plus_resnet50': _resnet50('network.encoder.'),
    'fcn_resnet50': _resnet50('backbone.'),
    'fcn8s_vgg16': _VGG16,
    'pspnet_resnet50': _resnet50('backbone.'),
    **{f'segformer_{size}': _SEGFORMER for size in ('b0', 'b1', 'b2', 'b3', 'b4', 'b5')},
}
"""The kinds of weight files that an architecture takes, besides our own checkpoints."""
