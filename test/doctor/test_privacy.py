# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A page that is pasted into public places names nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivseg_ros.doctor.finding import Section, problem
from drivseg_ros.doctor.privacy import mask, mask_section

HOMES = '/' + 'home'
USERS = '/' + 'Users'


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (f'{HOMES}/ada/venv/bin/python', '~/venv/bin/python'),
        (f'in {HOMES}/ada, {HOMES}/bob:{HOMES}/eve/x', 'in ~, ~:~/x'),
        (f'{USERS}/ada/x', '~/x'),
        (f'{HOMES}/ada', '~'),
        (f'"{HOMES}/ada"', '"~"'),
        ('/homes/ada/x', '/homes/ada/x'),
        (f'/srv{HOMES}/ada', f'/srv{HOMES}/ada'),
        ('/opt/ada/x', '~/x'),  # the home folder itself, wherever it is
        ('/opt/adam/x', '/opt/adam/x'),
        ('/data/opt/ada/x', '/data/opt/ada/x'),
        ('/media/ada/stick/m.onnx', '/media/USER/stick/m.onnx'),
        ('/run/media/ada/stick', '/run/media/USER/stick'),
        ('/usr/lib/python3/dist-packages', '/usr/lib/python3/dist-packages'),
        ('', ''),
    ],
)
def test_mask(text: str, expected: str) -> None:
    assert mask(text, home=Path('/opt/ada')) == expected


@pytest.mark.parametrize('home', [Path('/'), Path('.')])
def test_an_odd_home_changes_nothing(home: Path) -> None:
    assert mask('/usr/bin/python and ./x', home=home) == '/usr/bin/python and ./x'


def test_everything_of_a_finding_is_masked() -> None:
    path = f'{HOMES}/ada/m.onnx'
    data = {'path': path, 'paths': [path], 'ms': 1.5}
    (finding,) = mask_section(Section('s', (problem('n', path, path, data=data),))).findings
    assert (finding.value, finding.advice) == ('~/m.onnx', '~/m.onnx')
    assert finding.data == {'path': '~/m.onnx', 'paths': ['~/m.onnx'], 'ms': 1.5}
