# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What comes from segmentation_models_pytorch: DeepLabV3+ and SegFormer."""

from __future__ import annotations

from torch import Tensor, nn

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import MissingDependencyError, ModelError

try:
    import segmentation_models_pytorch as smp
except (ImportError, RuntimeError) as error:
    # It imports torchvision, which raises a RuntimeError beside another torch than its own.
    raise MissingDependencyError(
        'DeepLabV3+ and SegFormer need segmentation_models_pytorch and a torchvision made for the '
        f'installed torch, which cannot be imported ({error}): {install_hint("train")}'
    ) from None


class DeepLabV3Plus(nn.Module):
    """Float images [N, 3, H, W] to logits [N, classes, H / 4, W / 4]; H and W multiples of 8.

    DeepLabV3+ (Chen et al., ECCV 2018) on ResNet-50 at output stride 8, with the atrous rates 12,
    24, 36 that the paper takes at this stride.

    Args:
        num_classes: Number of classes, at least 2.
    """

    stride = 8

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.network = smp.DeepLabV3Plus(
            'resnet50',
            encoder_weights=None,
            encoder_output_stride=self.stride,
            decoder_atrous_rates=(12, 24, 36),
            classes=num_classes,
            upsampling=1,
        )
        # The library dilates the convolution that has lost its stride, too. It sees the map that
        # it was trained on, so its taps stay; torchvision and the authors' code do likewise.
        for stage, dilation in ((self.network.encoder.layer3, 1), (self.network.encoder.layer4, 2)):
            convolution = stage[0].conv2
            convolution.dilation = convolution.padding = (dilation, dilation)

    def forward(self, image: Tensor) -> Tensor:
        """Logits at a quarter of the image's size.

        Raises:
            ModelError: If the image's sides are no multiples of 8.
        """
        height, width = int(image.shape[2]), int(image.shape[3])
        if height % self.stride or width % self.stride:
            wanted = [-(-side // self.stride) * self.stride for side in (width, height)]
            raise ModelError(
                f'DeepLabV3+ takes images whose width and height are multiples of {self.stride}, '
                f'not {width}x{height}; {wanted[0]}x{wanted[1]} would do'
            )
        return self.network(image)


class SegFormer(nn.Module):
    """Float images [N, 3, H, W] to logits [N, classes, H // 4, W // 4]; H and W at least 32.

    SegFormer (Xie et al., NeurIPS 2021): the Mix Transformer as encoder, the decoder of linear
    layers with the paper's width, which is 256 for b0 and b1 and 768 for the larger ones.

    The library's encoder carries NVIDIA's own licence, for research and evaluation only.

    Args:
        num_classes: Number of classes, at least 2.
        size: 'b0' to 'b5'.
    """

    smallest = 32

    def __init__(self, num_classes: int, *, size: str) -> None:
        super().__init__()
        self.network = smp.Segformer(
            f'mit_{size}',
            encoder_weights=None,
            decoder_segmentation_channels=256 if size in ('b0', 'b1') else 768,
            classes=num_classes,
            upsampling=1,
        )
        # The library asks for multiples of 32, which this network does not need.
        self.network.requires_divisible_input_shape = False

    def forward(self, image: Tensor) -> Tensor:
        """Logits at a quarter of the image's size.

        Raises:
            ModelError: If the image is smaller than the attention's coarsest grid.
        """
        height, width = int(image.shape[2]), int(image.shape[3])
        if min(height, width) < self.smallest:
            wanted = [max(side, self.smallest) for side in (width, height)]
            raise ModelError(
                f'SegFormer takes images of at least {self.smallest}x{self.smallest}, not '
                f'{width}x{height}; {wanted[0]}x{wanted[1]} would do'
            )
        return self.network(image)
