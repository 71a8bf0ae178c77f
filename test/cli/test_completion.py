# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a shell proposes when Tab is pressed."""

from __future__ import annotations

import pytest
from command_line import drivseg


@pytest.mark.parametrize(
    ('line', 'proposed'),
    [
        ('models sh', 'show'),
        ('models show efficientnet_lite_fpn_l', 'efficientnet_lite_fpn_lanes'),
        ('replay BAG --model fast_scnn_bdd100k_', 'fast_scnn_bdd100k_int8'),
        ('replay BAG --engine openv', 'openvino'),
        ('replay BAG --precision fp1', 'fp16'),
        ('engine build MODEL --engine openv', 'openvino'),
        ('dataset check bdd', 'bdd100k'),
        ('train smo', 'smoke'),
        ('compare unet_', 'unet_bdd100k.yaml'),
        ('import --show ade', 'ade20k'),
        ('models show --over', '--overwrite'),
    ],
)
def test_bash(line: str, proposed: str) -> None:
    words = f'drivseg {line}'
    done = drivseg(
        _DRIVSEG_COMPLETE='complete_bash', COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1)
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [proposed]


def test_the_script_for_a_shell() -> None:
    done = drivseg('--show-completion', 'bash', _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION='1')
    assert done.returncode == 0, done.stderr
    assert 'complete -o default' in done.stdout
