# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the commands did before the rebuild, they do: numbers, topics, files and exit statuses.

Commands and all that is kept of them stand in kept.yaml. To change something on purpose:

    python -m pytest test/characterisation --rewrite 'why it changes'

runs the commands as they stand in kept.yaml (edit them there), writes anew what differs, and puts
the reason into `changed_on_purpose`; commit the file together with the change.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from observed import differences, observe, run_line

KEPT = Path(__file__).with_name('kept.yaml')
CONTENT = yaml.safe_load(KEPT.read_text())
HEADER = f"""\
# What the commands do, held by {Path(__file__).name}, where it stands how to change it.
# A case: the lines that are run, one after the other, in a folder of their own with the folder `in`
# of conftest.py; `needs`: the modules without which it is skipped; `timed`: how many messages come
# depends on the machine, and is left out; `loose`: by how much numbers may differ (else a
# ten-thousandth); `first`: a hash of what was kept first: a case that keeps something else stands
# in `changed_on_purpose`.
"""

pytestmark = pytest.mark.xdist_group('characterisation')


@pytest.mark.parametrize('name', CONTENT['cases'])
def test_a_case(
    name: str,
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    case = CONTENT['cases'][name]
    for module in case.get('needs', ()):
        pytest.importorskip(module, reason=f'{module} is not installed')
    if case.get('timed'):
        request.getfixturevalue('ros_domain')
    (tmp_path / 'in').symlink_to(inputs)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('DRIVSEG_CACHE', str(tmp_path / 'cache'))
    statuses: list[str] = []
    said = ''
    for line in case['run']:
        done = run_line(line)
        statuses.append(str(done.returncode))
        said += f'$ {line}\n{done.stdout}{done.stderr}\n'
    seen = {'exit': ' '.join(statuses), 'made': observe(tmp_path, counts=not case.get('timed'))}
    kept = {key: case.get(key) for key in seen}
    found = differences(kept, seen, loose=case.get('loose', 1e-4))
    reason = request.config.getoption('--rewrite')
    if reason is None:
        assert not found, '\n'.join([*found, '', said])
    elif found:
        _rewrite(name, seen, reason)


@pytest.mark.parametrize('name', CONTENT['cases'])
def test_what_changed_has_a_reason(name: str) -> None:
    case = CONTENT['cases'][name]
    reasons = [entry['reason'] for entry in CONTENT['changed_on_purpose'] if entry['case'] == name]
    assert case['first'] == _digest(case) or any(reasons)


def _digest(case: dict[str, Any]) -> str:
    kept = json.dumps([case['exit'], case['made']], sort_keys=True)
    return hashlib.sha256(kept.encode()).hexdigest()[:12]


def _rewrite(name: str, seen: dict[str, Any], reason: str) -> None:
    case = CONTENT['cases'][name]
    case.update(seen)
    if 'first' not in case:
        case['first'] = _digest(case)
    else:
        CONTENT['changed_on_purpose'].append({'case': name, 'reason': reason})
    text = yaml.safe_dump(CONTENT, sort_keys=False, width=10_000)
    KEPT.write_text(HEADER + text)
