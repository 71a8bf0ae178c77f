# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")

from drivseg_ros.errors import ModelError
from drivseg_ros.networks.registry import create_network


@pytest.mark.parametrize(
    ('architecture', 'classes', 'message'),
    [
        ('resnet', 3, "unknown architecture 'resnet'; there are deeplabv3plus_resnet50, efficient"),
        ('fast_scnn', 1, '2'),
        ('unet', 0, '2'),
    ],
)
def test_what_cannot_be_made_is_refused(architecture, classes, message):
    with pytest.raises(ModelError, match=message):
        create_network(architecture, num_classes=classes)


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    return result.stderr


def test_without_torch_one_line_says_what_to_install():
    error = run("import sys; sys.modules['torch'] = None; import drivseg_ros.networks.registry")
    assert 'MissingDependencyError: network architectures need torch' in error
    assert "[train]'" in error


NEEDS = {
    'fcn_resnet50': 'torchvision',
    'pspnet_resnet50': 'torchvision',
    'deeplabv3plus_resnet50': 'segmentation_models_pytorch',
    'segformer_b0': 'segmentation_models_pytorch',
}


def test_only_the_network_that_needs_a_library_asks_for_it():
    error = run(
        'import sys\n'
        f'for library in {set(NEEDS.values())}: sys.modules[library] = None\n'
        'from drivseg_ros.errors import MissingDependencyError\n'
        'from drivseg_ros.networks.registry import create_network\n'
        "create_network('unet', num_classes=2)\n"
        'said = []\n'
        f'for name in {[*NEEDS]}:\n'
        '    try:\n'
        '        create_network(name, num_classes=2)\n'
        '    except MissingDependencyError as error:\n'
        '        said.append(str(error))\n'
        "sys.exit('\\n'.join(said))"
    )
    lines = error.strip().splitlines()
    assert len(lines) == len(NEEDS)
    for line, library in zip(lines, NEEDS.values(), strict=True):
        assert library in line
        assert "[train]'" in line


def test_a_torchvision_of_another_torch_is_one_line(tmp_path):
    (tmp_path / 'torchvision.py').write_text("raise RuntimeError('operator nms does not exist')")
    error = run(
        f'import sys; sys.path.insert(0, {str(tmp_path)!r})\n'
        'from drivseg_ros.networks.registry import create_network\n'
        "create_network('fcn_resnet50', num_classes=2)"
    )
    last = error.strip().splitlines()[-1]
    assert 'MissingDependencyError' in last
    assert 'made for the installed torch' in last
    assert 'operator nms does not exist' in last
