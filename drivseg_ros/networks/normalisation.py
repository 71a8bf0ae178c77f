# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What our networks take: grey levels with mean 0 and deviation 1, by ImageNet's statistics."""

from __future__ import annotations

import torch
from torch import Tensor

MEAN = (123.675, 116.28, 103.53)
DEVIATION = (58.395, 57.12, 57.375)
"""Of red, green and blue, in grey levels of 0 to 255; the habit of the field."""


def normalise(images: Tensor) -> Tensor:
    """uint8 [N, H, W, 3] RGB to float32 [N, 3, H, W]; the export puts the same into the graph."""
    mean = torch.tensor(MEAN, device=images.device)
    deviation = torch.tensor(DEVIATION, device=images.device)
    # The permuted tensor lies in memory as channels-last, the fastest layout on CPUs.
    return ((images.float() - mean) / deviation).permute(0, 3, 1, 2)
