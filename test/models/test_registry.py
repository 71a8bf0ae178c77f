# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys

import pytest

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.models.registry import ARCHITECTURES, create_network  # noqa: E402


@pytest.mark.parametrize('architecture', sorted(ARCHITECTURES))
@pytest.mark.parametrize('classes', [2, 7])
def test_a_network_has_the_classes_asked_for(architecture, classes):
    with torch.inference_mode():
        logits = create_network(architecture, num_classes=classes).eval()(torch.zeros(1, 3, 64, 96))
    assert logits.shape[:2] == (1, classes)


@pytest.mark.parametrize(
    ('architecture', 'classes', 'message'),
    [('resnet', 3, "unknown architecture 'resnet'; there are fast_scnn"), ('fast_scnn', 1, '2')],
)
def test_what_cannot_be_made_is_refused(architecture, classes, message):
    with pytest.raises(ModelError, match=message):
        create_network(architecture, num_classes=classes)


def test_without_torch_one_line_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; import drivseg_ros.models.registry"
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert 'MissingDependencyError: network architectures need torch' in result.stderr
    assert "pip install 'drivseg_ros[train]'" in result.stderr
