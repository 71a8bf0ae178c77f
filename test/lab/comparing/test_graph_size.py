# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters and operations of a model file, against numbers by hand and the network itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_model import write_tiny_model

from drivseg_ros.errors import ModelError
from drivseg_ros.lab.comparing.graph_size import measure_graph
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard

WIDTH, HEIGHT = 64, 48


@pytest.mark.parametrize('batch', [None, 3])
def test_convolutions_by_hand(tmp_path: Path, batch: int | None) -> None:
    size = measure_graph(write_tiny_model(tmp_path / 'm.onnx', work=2, batch=batch))
    # 1x1 from 3 to 32 channels, twice the same 3x3 of 32 to 32, 1x1 back to 3.
    assert size.parameters == 3 * 32 + 9 * 32 * 32 + 32 * 3
    per_pixel = 3 * 32 + 2 * 9 * 32 * 32 + 32 * 3
    assert size.gmacs == pytest.approx(per_pixel * WIDTH * HEIGHT / 1e9, rel=1e-9)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'm.onnx').write_text('no network')
    with pytest.raises(ModelError, match='cannot be read as ONNX'):
        measure_graph(tmp_path / 'm.onnx')


def test_all_sorts_of_layers_of_a_network(tmp_path: Path) -> None:
    torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")
    pytest.importorskip('safetensors', reason='safetensors comes with the extra torch')
    from torch import nn

    from drivseg_ros.lab.exporting.export import export_onnx
    from drivseg_ros.networks.complexity import gmacs, parameters

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
            self.depthwise = nn.Conv2d(8, 8, 5, padding=2, groups=8)
            self.tokens = nn.Linear(8, 12)
            self.norm = nn.LayerNorm(12)
            self.slope = nn.PReLU(12)
            self.up = nn.ConvTranspose2d(12, 3, 2, stride=2)

        def forward(self, x):
            x = self.depthwise(self.down(x))
            x = self.norm(self.tokens(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
            return self.up(self.slope(x))

    torch.manual_seed(0)
    network = Network().eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_()  # equal constants would be one in the file
    card = ModelCard('n', BDD100K_CLASSES, WIDTH, HEIGHT)
    size = measure_graph(export_onnx(network, tmp_path / 'n.onnx', card))
    by_hand = (8 * 27 + 8) + (8 * 25 + 8) + (96 + 12) + (12 + 12) + 12 + (12 * 3 * 4 + 3)
    assert size.parameters == parameters(network) == by_hand
    # The logits have the image's size, so that nothing is resized behind them.
    half = WIDTH * HEIGHT / 4
    operations = half * (8 * 27 + 8 * 25 + 96 + 12 * 3 * 4)
    assert size.gmacs == pytest.approx(operations / 1e9, rel=1e-9)
    assert size.gmacs == pytest.approx(gmacs(network, WIDTH, HEIGHT), rel=1e-9)


def test_resampling_matrices_are_no_parameters(tmp_path: Path) -> None:
    torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[torch]'")
    pytest.importorskip('safetensors', reason='safetensors comes with the extra torch')
    from drivseg_ros.lab.exporting.export import export_onnx
    from drivseg_ros.networks.complexity import gmacs, parameters
    from drivseg_ros.networks.fast_scnn import FastSCNN

    torch.manual_seed(0)
    network = FastSCNN(3).eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if 'bias' in name:
                weight.normal_()
    size = measure_graph(
        export_onnx(network, tmp_path / 'n.onnx', ModelCard('n', BDD100K_CLASSES, WIDTH, HEIGHT))
    )
    # A batch norm's factor and offset become one offset in the convolution before it.
    folded = sum(
        module.num_features
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.BatchNorm2d) and not name.startswith('auxiliary')
    )
    assert size.parameters == parameters(network) - folded
    # The file resizes the probabilities of 3 classes besides.
    inside = gmacs(network, WIDTH, HEIGHT)
    resizing = 3 * (6 * 8 * WIDTH + 6 * HEIGHT * WIDTH) / 1e9
    assert inside < size.gmacs <= inside + 1.05 * resizing
