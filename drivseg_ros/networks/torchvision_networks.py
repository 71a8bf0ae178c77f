# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What comes from torchvision: FCN on ResNet-50, and that ResNet for other heads."""

from __future__ import annotations

from torch import Tensor, nn

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.errors import MissingDependencyError

try:
    import torchvision
    from torchvision.models.segmentation import fcn_resnet50
except (ImportError, RuntimeError) as error:
    # A torchvision made for another torch raises a RuntimeError.
    raise MissingDependencyError(
        'the networks on ResNet-50 need torchvision made for the installed torch, which cannot be '
        f'imported ({error}): {install_hint("train")}'
    ) from None


class FCNResNet50(nn.Module):
    """Float images [N, 3, H, W], of any size, to logits [N, classes, ceil(H / 8), ceil(W / 8)].

    torchvision's `fcn_resnet50`: ResNet-50 with dilation in its last two stages and the head of
    two convolutions, without an auxiliary head.

    Args:
        num_classes: Number of classes, at least 2.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        network = fcn_resnet50(
            weights=None, weights_backbone=None, num_classes=num_classes, aux_loss=False
        )
        self.backbone = network.backbone
        self.classifier = network.classifier

    def forward(self, image: Tensor) -> Tensor:
        """Logits at an eighth of the image's size."""
        return self.classifier(self.backbone(image)['out'])


class DilatedResNet50(nn.Module):
    """Float images [N, 3, H, W] to the maps of ResNet-50's last two stages, both at an eighth.

    They have 1024 and 2048 channels. The last two stages are dilated by 2 and 4 instead of
    taking every second pixel. The layers are named as torchvision names them.
    """

    def __init__(self) -> None:
        super().__init__()
        network = torchvision.models.resnet50(
            weights=None, replace_stride_with_dilation=[False, True, True]
        )
        self.conv1, self.bn1 = network.conv1, network.bn1
        self.relu, self.maxpool = network.relu, network.maxpool
        self.layer1, self.layer2 = network.layer1, network.layer2
        self.layer3, self.layer4 = network.layer3, network.layer4

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The maps of stages 3 and 4."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        stage3 = self.layer3(self.layer2(self.layer1(x)))
        return stage3, self.layer4(stage3)
