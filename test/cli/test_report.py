# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg report html` and `drivseg evaluate --html`: what they write and what they refuse."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from color_bag import write_color_bag
from report_cases import hostile_content
from tiny_model import write_tiny_model
from typer.testing import CliRunner, Result

from drivseg_ros.cli.app import app
from drivseg_ros.errors import DataError, DrivsegError, MissingDependencyError

pytest.importorskip('jinja2', reason="Jinja2 is not installed: pip install '.[report]'")

DRIVE = ('drive', '--image-topic', '/cam/image_raw', '--label-topic', '/cam/label')


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model and a bag."""
    monkeypatch.chdir(tmp_path)
    write_tiny_model(tmp_path / 'tiny.onnx')
    write_color_bag(tmp_path / 'drive', frames=6, wrong_label=4)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def evaluate(*arguments: str) -> Result:
    made = ('--model', 'tiny.onnx', '--engine', 'onnxruntime', '--draws', '100')
    return run('evaluate', *arguments, *made)


def test_a_page_with_pictures_and_one_without(place: Path) -> None:
    limits = ('--min', 'miou=99')
    found = evaluate(*DRIVE, *limits, '--json', 'e.json', '--html', 'out/page.html')
    assert found.exit_code == 1, found.output
    assert 'out/page.html' in found.output
    page = Path('out/page.html').read_text()
    assert 'broken</strong><bdi>miou at least 99' in page
    # Six frames, the worst five and one more: each with image, overlay and three more.
    assert page.count('<img ') == 6 * 5
    assert page.index('1700000000.200000000: label') < page.index('1700000000.000000000: label')

    later = run('report', 'html', 'e.json')
    assert later.exit_code == 0, later.output
    assert 'e.html' in later.output
    bare = Path('e.html').read_text()
    assert bare.count('<img ') == 0
    assert 'broken</strong><bdi>miou at least 99' in bare
    named = run('report', 'html', 'e.json', '--output', 'other/p.html')
    assert named.exit_code == 0, named.output
    assert Path('other/p.html').read_text() == bare


def test_what_became_worse_is_shown_beside_the_baseline(place: Path) -> None:
    write_tiny_model(place / 'worse.onnx', width=8, height=6)
    worse = ('--model', 'worse.onnx', '--engine', 'onnxruntime', '--draws', '100')
    gate = ('--baseline', 'base.json', '--max-drop', 'iou/direct=1', '--json', 'e.json')
    gate += ('--overwrite',)
    assert evaluate(*DRIVE, '--json', 'base.json').exit_code == 0
    found = run('evaluate', *DRIVE, *worse, *gate, '--html', 'page.html')
    assert found.exit_code == 1, found.output
    document = json.loads(Path('e.json').read_text())['baseline']
    assert document['given'] == 'base.json'
    assert document['network']['file'] == 'tiny.onnx'
    # The metric whose limit is broken says which frames are shown.
    assert document['frames']['metric'] == 'iou/direct'
    count = min(5, document['frames']['worse'])
    assert count > 2
    page = Path('page.html').read_text()
    for what in ('prediction', 'difference'):
        assert page.count(f'baseline&#39;s {what}"') == count
    assert page.count('<img ') == 6 * 5 + count * 2
    # Later, without pictures.
    assert run('report', 'html', 'e.json').exit_code == 0
    bare = Path('e.html').read_text()
    assert 'Against the baseline' in bare
    assert 'Frames to look at' not in bare

    # What was evaluated then is another file now: only what is found here is shown.
    shutil.copy('worse.onnx', 'tiny.onnx')
    found = run('evaluate', *DRIVE, *worse, *gate, '--html', 'page.html')
    assert found.exit_code == 1, found.output
    page = Path('page.html').read_text()
    assert page.count('<img ') == 6 * 5
    assert 'the baseline&#39;s masks are not shown: tiny.onnx is another model now' in page

    # Of the same network, nothing is worse.
    assert evaluate(*DRIVE, '--json', 'base.json', '--overwrite').exit_code == 0
    found = evaluate(*DRIVE, *gate, '--html', 'page.html')
    assert found.exit_code == 0, found.output
    page = Path('page.html').read_text()
    assert '0 frames are worse than in the baseline, 0 better' in page
    assert page.count('<img ') == 6 * 5


def test_masks_that_are_there(place: Path) -> None:
    made = run('replay', *DRIVE[:3], '--model', 'tiny.onnx', '--engine', 'onnxruntime',
               '--output', 'masks')  # fmt: skip
    assert made.exit_code == 0, made.output
    found = run('evaluate', 'masks', '--mask-topic', '/cam/segmentation/mask',
                '--labels', 'bdd100k', '--html', 'masks.html')  # fmt: skip
    assert found.exit_code == 0, found.output
    page = Path('masks.html').read_text()
    assert ': prediction"' in page
    assert ': label"' not in page


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{}', 'is no evaluation'),
        ('{"kind": "drivseg evaluation", "format": 0}', 'has the format 0'),
        ('{"kind": "drivseg evaluation", "format": 2}', 'cannot be shown'),
        ('[', 'is not JSON'),
        (None, 'cannot be read'),
    ],
)
def test_what_is_no_evaluation_is_refused(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / 'e.json'
    if content is not None:
        path.write_text(content)
    found = run('report', 'html', str(path))
    assert isinstance(found.exception, DataError)
    assert message in str(found.exception)
    assert not path.with_suffix('.html').exists()


def test_pages_that_cannot_be_written_are_refused_before_the_work(place: Path) -> None:
    Path('e.json').write_text(json.dumps(hostile_content()))
    for arguments in (
        ('report', 'html', 'e.json', '--output', '.'),
        ('evaluate', *DRIVE, '--html', '.'),
    ):
        found = run(*arguments)
        assert isinstance(found.exception, DrivsegError)
        assert "'.' is a folder; name a file" in str(found.exception)


def test_many_bags_of_which_one_is_broken(place: Path) -> None:
    write_color_bag(place / 'second', frames=4)
    (place / 'broken').mkdir()
    (place / 'broken' / 'broken.mcap').write_bytes(b'torn')
    bags = ('drive', 'broken', 'second')
    found = evaluate(*bags, *DRIVE[1:], '--html', 'many.html', '--json', 'many.json')
    assert found.exit_code == 1, found.output
    assert Path('many.json').is_file(), repr(found.exception) + found.output
    page = Path('many.html').read_text()
    assert page.count('<img ') == 10 * 5
    assert 'on <bdi>2 folders and bags</bdi>' in page
    assert 'Not evaluated' in page
    assert '<bdi class="soft">second</bdi>' in page


def test_what_was_kept_from_an_earlier_run_has_no_pictures(place: Path) -> None:
    write_color_bag(place / 'second', frames=4)
    kept = (*DRIVE[1:], '--output', 'kept', '--html', 'many.html')
    assert evaluate('drive', *kept).exit_code == 0
    assert Path('many.html').read_text().count('<img ') == 6 * 5
    found = evaluate('drive', 'second', *kept, '--resume', '--overwrite')
    assert found.exit_code == 0, found.output
    page = Path('many.html').read_text()
    assert page.count('<img ') == 4 * 5
    assert 'no pictures of drive: it was evaluated earlier' in page


def test_without_jinja2_it_says_what_to_install_before_the_work(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'jinja2', None)
    monkeypatch.delitem(sys.modules, 'drivseg_ros.report.page.render', raising=False)
    found = evaluate(*DRIVE, '--json', 'e.json', '--html', 'page.html')
    assert isinstance(found.exception, MissingDependencyError)
    assert "[report]'" in str(found.exception)
    assert not Path('e.json').exists()
