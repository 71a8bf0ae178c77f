# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg evaluate` on many bags: a row for each, what is kept, how it is interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from evaluation_cases import accuracy_in
from many_bags import COUNT, TOPICS, TRUNCATED, Reader, truncate, write_bags, write_endless_bag
from tiny_model import write_tiny_model
from typer.testing import CliRunner, Result

from drivseg_ros.cli.app import app
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.evaluation.comparison import frames_that_changed
from drivseg_ros.evaluation.evaluation_file import read_evaluation

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]))
    write_tiny_model(tmp_path / 'tiny.onnx', width=8, height=6)
    return tmp_path


def arguments(*given: str) -> list[str]:
    return ['evaluate', *TOPICS, '--model', 'tiny.onnx', '--engine', 'onnxruntime',
            '--draws', '100', *given]  # fmt: skip


def evaluate(*given: str) -> Result:
    return CliRunner(env={'COLUMNS': '200'}).invoke(app, arguments(*given))


def start(*given: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, '-m', 'drivseg_ros.cli', *arguments(*given)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def content(path: str) -> dict[str, Any]:
    return json.loads(Path(path).read_text())


def test_eight_bags_of_which_one_is_truncated(place: Path) -> None:
    bags = write_bags(place)
    truncate(bags[TRUNCATED], 60)
    names = [bag.name for bag in bags]
    found = evaluate(*names, '--jobs', '2', '--output', 'kept', '--json', 'all.json',
                     '--junit', 'all.xml')  # fmt: skip
    assert found.exit_code == 1, found.output
    assert 'BROKEN: every bag could be evaluated: 1 of 8 failed' in found.output
    assert re.search(r'drive3: .*breaks off before its first whole message', found.output)
    assert '\nfailed: drive3\n' in found.output
    for name in names:
        assert name == 'drive3' or re.search(rf'│ {name} +│ ', found.output), name
    document = content('all.json')
    assert [part['title'] for part in document['parts']] == [n for n in names if n != 'drive3']
    assert [one['given'] for one in document['broken']] == ['drive3']
    assert document['ledger']['processed'] == sum(2 + i % 3 for i in range(COUNT) if i != TRUNCATED)
    assert not document['checks'][0]['passed']
    case = ET.parse('all.xml').getroot().find('.//testcase/failure')
    assert case is not None
    assert 'drive3' in f'{case.attrib} {case.text}'
    assert sorted(p.name for p in Path('kept').iterdir()) == [
        f'{name}.json' for name in names if name != 'drive3'
    ]

    # What is kept of a bag is what an evaluation of it alone writes.
    assert evaluate('drive4', '--json', 'alone.json').exit_code == 0
    alone, kept = content('alone.json'), content('kept/drive4.json')
    assert accuracy_in(kept) == accuracy_in(alone)
    assert kept['frames'] == alone['frames']
    limits = ('--baseline', 'kept/drive4.json', '--max-drop', 'miou=0')
    assert evaluate('drive4', *limits).exit_code == 0

    again = evaluate(*names, '--output', 'kept', '--resume', '--json', 'again.json')
    assert again.exit_code == 1
    assert again.output.count('done earlier') == COUNT - 1
    assert 'drive3: FAILED' in again.output
    assert accuracy_in(content('again.json')) == accuracy_in(document)
    for key in ('confusion_matrix', 'frames', 'labels_sha256', 'broken', 'slices'):
        assert content('again.json')[key] == document[key], key


def test_all_together_are_a_baseline(place: Path) -> None:
    names = [bag.name for bag in write_bags(place, 3)]
    assert evaluate(*names, '--json', 'all.json').exit_code == 0
    found = evaluate(*names, '--baseline', 'all.json', '--max-drop', 'miou=0')
    assert found.exit_code == 0, found.output
    assert 'kept: every bag could be evaluated: 0 of 3 failed' in found.output
    # The frames of a bag are held against those of the same bag, in whatever order they are given.
    assert evaluate(*reversed(names), '--json', 'reversed.json').exit_code == 0
    pair = [read_evaluation(Path(name)) for name in ('all.json', 'reversed.json')]
    assert [part.title for part in pair[1].parts] == names[::-1]
    assert frames_that_changed(*pair, pair[1].leading, worse=False) == []
    assert accuracy_in(content('reversed.json')) == accuracy_in(content('all.json'))
    write_tiny_model(place / 'tiny.onnx', width=4, height=3)
    worse = evaluate(*reversed(names), '--baseline', 'all.json', '--max-drop', 'miou=0')
    assert worse.exit_code == 1
    assert 'BROKEN: miou may drop by 0' in worse.output
    assert re.search(r'  drive2: 1700000000\.\d+: [\d.]+ to ', worse.output)
    assert re.search(r'worst: drive\d: 1700000000', worse.output)


def test_bags_that_were_cut_are_evaluated_as_far_as_they_go(place: Path) -> None:
    for bag in write_bags(place, 2):
        size = next(p for p in bag.iterdir() if p.suffix == '.mcap').stat().st_size
    truncate(place / 'drive1', size // 2)
    found = evaluate('drive0', 'drive1', '--json', 'all.json')
    assert found.exit_code == 1
    assert 'BROKEN: every bag is whole: 1 of 2 was cut' in found.output
    assert 'drive1 (cut)' in found.output
    assert content('all.json')['parts'][1]['ledger']['processed'] == 1
    # So it is with a bag alone.
    alone = evaluate('drive1')
    assert alone.exit_code == 1
    assert 'BROKEN: every bag is whole: 1 of 1 was cut' in alone.output


def test_one_bag_can_be_kept_too(place: Path) -> None:
    write_bags(place, 1)
    assert evaluate('drive0', '--output', 'kept').exit_code == 0
    found = evaluate('drive0', '--output', 'kept', '--resume')
    assert 'drive0: done earlier' in found.output


@pytest.mark.parametrize(
    ('given', 'error', 'message'),
    [
        (['drive0', 'drive0/'], ParameterError, 'drive0/? is given twice'),
        (['drive0', '--resume'], ParameterError, '--output'),
        (
            ['drive0', '--output', 'tiny.onnx'],
            ParameterError,
            "'tiny.onnx' is a file; name a folder",
        ),
        (['drive0', 'drive1', '--min', 'mIoU=3'], ParameterError, "no metric 'mIoU' here"),
        (['drive0', 'drive1', '--resample', 'x'], ParameterError, 'auto, frames'),
        (['drive0', 'drive1', '--draws', '3'], ParameterError, '3 draws'),
        (['drive0', 'drive1', '--labels', 'x'], ParameterError, 'no label map'),
        (
            ['none', 'nothing'],
            DataError,
            "none of 2 bags.*there is nothing at 'none', nor",
        ),
        (['drive0', 'drive1', '--live', '--jobs', '2'], ParameterError, 'leave --jobs and --ray'),
    ],
)
def test_what_is_refused(
    place: Path, given: list[str], error: type[Exception], message: str
) -> None:
    write_bags(place, 2)
    found = evaluate(*given)
    assert isinstance(found.exception, error), found.output
    assert re.search(message, str(found.exception))


def test_control_c_ends_all_and_keeps_what_is_done(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bags(place, 2)
    pipes = [write_endless_bag(place / name, monkeypatch) for name in ('endless', 'without_end')]
    names = ('drive0', 'drive1', *(pipe.parent.name for pipe in pipes))
    with start(*names, '--jobs', '2', '--output', 'kept') as running:
        readers = [Reader(pipe) for pipe in pipes]
        assert running.stdout is not None
        said = {running.stdout.readline() for _ in range(2)}
        assert said == {'drive0: done\n', 'drive1: done\n'}
        running.send_signal(signal.SIGINT)
        text, _ = running.communicate(timeout=120)
    assert running.returncode == 130, text
    assert '2 of 4 bags are done and kept in kept; the same with --resume does the others' in text
    assert 'Traceback' not in text
    for reader in readers:
        assert reader.ends()
        reader.close()
    assert sorted(p.name for p in Path('kept').iterdir()) == ['drive0.json', 'drive1.json']
    found = evaluate('drive0', 'drive1', '--output', 'kept', '--resume')
    assert found.output.count('done earlier') == 2


def test_control_c_ends_ray_as_well(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('ray', reason='Ray is not installed (extra: ray)')
    write_bags(place, 1)
    pipe = write_endless_bag(place / 'endless', monkeypatch)
    with start('drive0', 'endless', '--ray', 'local', '--jobs', '1', '--output', 'kept') as running:
        reader = Reader(pipe)  # the second bag, so the first is done
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=120)
    assert running.returncode == 130, said
    assert '1 of 2 bags are done and kept in kept' in said
    assert 'Traceback' not in said
    assert reader.ends()
    reader.close()
    found = evaluate('drive0', '--output', 'kept', '--resume')
    assert 'drive0: done earlier' in found.output


def test_no_process_outlives_us(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = write_endless_bag(place / 'endless', monkeypatch)
    with start('endless', '--jobs', '1') as running:
        reader = Reader(pipe)
        running.kill()
    assert reader.ends()
    reader.close()
