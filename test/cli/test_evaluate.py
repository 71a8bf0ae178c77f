# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg evaluate` and `drivseg report diff`: their files, exit status, and what they refuse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from color_bag import color_image, write_color_bag
from evaluation_bags import MASK, label_of, write_bag
from evaluation_cases import accuracy_in
from tiny_model import write_tiny_model
from typer.testing import CliRunner, Result

import drivseg_ros
from drivseg_ros.bags.from_dataset import bag_from_dataset
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.cli.app import app
from drivseg_ros.errors import DrivsegError
from drivseg_ros.frames.registry import open_dataset

FOLDER = 'folder=frames,classes=bdd100k'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model, a model that is worse, a folder of frames, and a bag."""
    monkeypatch.chdir(tmp_path)
    write_tiny_model(tmp_path / 'tiny.onnx')
    # At 8x6 pixels, it sees less.
    write_tiny_model(tmp_path / 'worse.onnx', width=8, height=6)
    for folder in ('images', 'labels'):
        (tmp_path / 'frames' / folder).mkdir(parents=True)
    for i in range(6):
        image = color_image(i)
        cv2.imwrite(f'frames/images/{i}.png', image[..., ::-1])
        cv2.imwrite(f'frames/labels/{i}.png', image.argmax(-1).astype(np.uint8))
    write_color_bag(tmp_path / 'drive', frames=6, wrong_label=4)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def evaluate(*arguments: str, model: str = 'tiny.onnx') -> Result:
    chosen = ('--model', model) if model else ()
    return run('evaluate', *arguments, *chosen, '--engine', 'onnxruntime', '--draws', '200')


def rerecord(bag: str, again: str) -> None:
    """All messages of a bag, and nothing of what it states of itself."""
    with BagReader(bag) as reader, BagWriter(again) as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.msgtype)
        for message in reader.messages():
            writer.write(message.topic, message.time_ns, message.data)


def content(path: str) -> dict:
    return json.loads(Path(path).read_text())


def test_a_folder(place: Path) -> None:
    Path('frames/attributes.csv').write_text('name,weather\n0.png,rain\n')
    found = evaluate(FOLDER, '--json', 'out/e.json', '--junit', 'out/e.xml')
    assert found.exit_code == 0, found.output
    assert 'drivable' in found.output
    assert 'weather=rain' in found.output
    assert '6 offered, 6 processed, 0 dropped, 0 failed' in found.output
    document = content('out/e.json')
    miou = document['metrics']['miou']
    assert (miou['value'], miou['low'], miou['high']) == (1, 1, 1)
    assert (miou['title'], miou['unit'], miou['better']) == ('mIoU', 'share', 'higher')
    assert document['ledger']['processed'] == 6
    assert document['network']['sha256']
    assert 'flicker' not in document['metrics']
    assert Path('out/e.xml').read_text().startswith('<?xml')


def test_a_drive(place: Path) -> None:
    found = evaluate('drive', '--image-topic', '/cam/image_raw', '--label-topic', '/cam/label',
                     '--json', 'e.json')  # fmt: skip
    assert found.exit_code == 0, found.output
    document = content('e.json')
    # One label of six is all background, and a third of that is right.
    assert 0.8 < document['metrics']['pixel_accuracy']['value'] < 0.95
    assert document['metrics']['flicker']['value'] > 0
    assert document['extremes']['worst'][0][0] == '1700000000.200000000'
    assert 'no intervals: 1 group' in found.output


def test_a_bag_of_a_data_set_tells_its_labels_and_gives_the_same_numbers(place: Path) -> None:
    dataset = open_dataset('folder', 'frames', classes='bdd100k')
    bag_from_dataset(dataset, ImageBagOptions(output=place / 'made'))
    found = evaluate('made', '--json', 'bag.json', model='worse.onnx')
    assert found.exit_code == 0, found.output
    assert evaluate(FOLDER, '--json', 'folder.json', model='worse.onnx').exit_code == 0
    folder, bag = content('folder.json'), content('bag.json')
    assert accuracy_in(bag) == accuracy_in(folder)
    for key in ('labels_sha256', 'images_sha256', 'ledger', 'confusion_matrix',
                'distance', 'reliability', 'extremes', 'calibration'):  # fmt: skip
        assert bag[key] == folder[key], key
    assert [f['name'] for f in bag['frames']] == [f['name'] for f in folder['frames']]
    # So it is in a recording, which has lost what the bag states but for the topics.
    rerecord('made', 'again')
    recorded = ('again', '--label-topic', '/camera/label', '--labels', 'bdd100k')
    assert evaluate(*recorded, '--json', 'again.json', model='worse.onnx').exit_code == 0
    assert accuracy_in(content('again.json')) == accuracy_in(folder)
    # The one is a baseline for the other.
    assert evaluate('made', '--baseline', 'folder.json', '--max-drop', 'miou=0',
                    model='worse.onnx').exit_code == 0  # fmt: skip


def test_masks_that_are_there(place: Path) -> None:
    made = run('replay', 'drive', '--image-topic', '/cam/image_raw', '--model', 'tiny.onnx',
               '--engine', 'onnxruntime', '--output', 'masks')  # fmt: skip
    assert made.exit_code == 0, made.output
    masks = ('masks', '--mask-topic', '/cam/segmentation/mask')
    found = evaluate(*masks, '--labels', 'bdd100k', '--json', 'e.json', model='')
    assert found.exit_code == 0, found.output
    assert content('e.json')['ledger']['unlabelled'] == 6
    assert 'no frame has a label' in found.output
    assert content('e.json')['metrics']['change']['value'] > 0


def test_masks_of_a_model_are_evaluated_in_its_classes(place: Path) -> None:
    made = run('replay', 'drive', '--image-topic', '/cam/image_raw', '--model', 'tiny.onnx',
               '--engine', 'onnxruntime', '--output', 'masks')  # fmt: skip
    assert made.exit_code == 0, made.output
    with BagWriter('both') as writer:
        for bag, topic in (('masks', '/cam/segmentation/mask'), ('drive', '/cam/label')):
            writer.add_topic(topic, 'sensor_msgs/msg/Image')
            with BagReader(bag) as reader:
                for message in reader.messages([topic]):
                    writer.write(topic, message.time_ns, message.data)
    Path('road.yaml').write_text(
        'classes: [{name: off, values: [2]}, {name: drivable, values: [0, 1], role: drivable}]\n'
    )
    masks = ('both', '--mask-topic', '/cam/segmentation/mask', '--label-topic', '/cam/label')
    found = evaluate(*masks, '--labels', 'road.yaml', '--mask-classes', 'tiny.onnx', '--json',
                     'theirs.json', model='')  # fmt: skip
    assert found.exit_code == 0, found.output
    ours = evaluate('drive', '--image-topic', '/cam/image_raw', '--label-topic', '/cam/label',
                    '--labels', 'road.yaml', '--json', 'ours.json')  # fmt: skip
    assert ours.exit_code == 0, ours.output
    values = [
        {name: one['value'] for name, one in accuracy_in(content(file)).items() if name != 'ece'}
        for file in ('theirs.json', 'ours.json')
    ]
    assert values[0] == values[1]
    assert 0 < values[0]['miou'] < 1


def test_labels_that_tell_nothing_are_noted(place: Path) -> None:
    for path in Path('frames/labels').iterdir():
        cv2.imwrite(str(path), np.full((96, 128), 255, np.uint8))
    found = run('evaluate', FOLDER, '--model', 'tiny.onnx', '--draws', '0')
    assert found.exit_code == 0, found.output
    assert 'no intervals: none were drawn' in found.output
    assert 'no pixel has a label' in found.output


def test_a_console_that_is_gone_costs_no_file(place: Path) -> None:
    """As with `| head`."""
    command = ('evaluate', FOLDER, '--model', 'tiny.onnx', '--draws', '0')
    files = ('--json', 'e.json', '--junit', 'e.xml')
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, '-m', 'drivseg_ros.cli', *command, *files],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, 'PYTHONPATH': str(Path(drivseg_ros.__file__).parents[1])},
        check=False,
    )
    os.close(writing)
    assert ended.returncode == 1
    assert b'Traceback' not in ended.stderr
    assert content('e.json')['metrics']['miou']['value'] == 1
    assert Path('e.xml').is_file()


def test_the_gate(place: Path) -> None:
    assert evaluate(FOLDER, '--json', 'base.json').exit_code == 0
    limits = ('--baseline', 'base.json', '--max-drop', 'miou=0.5')
    assert evaluate(FOLDER, *limits).exit_code == 0
    found = evaluate(FOLDER, *limits, '--json', 'e.json', '--junit', 'e.xml', model='worse.onnx')
    assert found.exit_code == 1
    assert 'BROKEN: miou may drop by 0.5: miou went from 100.00' in found.output
    assert '  0: 100.0 to ' in found.output
    document = Path('e.xml').read_text()
    assert '<failure' in document
    assert f'classname="tiny (worse.onnx) on {FOLDER}"' in document
    _check_documented(content('e.json'))
    assert 'kept: the baseline is of the same data: its labels, classes' in found.output
    assert evaluate(FOLDER, '--min', 'miou=101').exit_code == 1
    assert evaluate(FOLDER, '--min', 'miou=70', '--max', 'ece=50').exit_code == 0

    shown = run('report', 'diff', 'base.json', 'e.json', '--frames', '2')
    assert shown.exit_code == 0, shown.output
    assert 'miou' in shown.output
    assert shown.output.count('miou 100.0 to') == 2
    assert 'base: tiny on onnxruntime (cpu, fp32), 6 frames' in shown.output
    assert 'e: tiny (worse.onnx) on onnxruntime (cpu, fp32), 6 frames' in shown.output
    same = run('report', 'diff', 'base.json', 'base.json')
    assert 'miou is the same in every frame' in same.output
    assert isinstance(run('report', 'diff', 'base.json', 'e.json', '--metric', 'x').exception,
                      DrivsegError)  # fmt: skip

    Path('frames/labels/0.png').write_bytes(Path('frames/labels/1.png').read_bytes())
    refused = evaluate(FOLDER, *limits, '--json', 'other.json')
    assert refused.exit_code == 1
    assert 'BROKEN: the baseline is of the same data: ' in refused.output
    assert 'of other data' in refused.output
    assert Path('other.json').is_file()


def _check_documented(document: dict) -> None:
    """Every key of the file is in the documentation."""
    text = (Path(__file__).parents[2] / 'docs/evaluating.md').read_text()
    table = text.partition('## The JSON')[2].partition('##')[0]
    rows = [row.split('|')[1] for row in table.splitlines() if row.startswith('| `')]
    named = {name for row in rows for name in re.findall(r'`(\w+)`', row)}
    assert set(document) | {'live'} == named


def test_a_frame_that_fails_is_named_and_ends_with_1(place: Path) -> None:
    Path('frames/images/2.png').write_bytes(b'torn')
    found = evaluate(FOLDER, '--json', 'e.json')
    assert found.exit_code == 1
    assert 'BROKEN: every frame could be read: 1 of 6 frames failed' in found.output
    assert content('e.json')['ledger']['failed'] == 1


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['nothing'], "there is nothing at 'nothing', nor a data set"),
        ([FOLDER, '--label-topic', '/x'], 'topics were given'),
        ([FOLDER, '--max-drop', 'miou=1'], '--baseline'),
        ([FOLDER, '--min', 'miou'], 'METRIC=POINTS'),
        ([FOLDER, '--min', 'mIoU=3'], "no metric 'mIoU' here; there are miou, pixel_accuracy"),
        ([FOLDER, '--max', 'flicker=3'], "no metric 'flicker' here"),
        ([FOLDER, '--boundary', '0', '--min', 'boundary_iou=3'], "no metric 'boundary_iou'"),
        ([FOLDER, '--resample', 'clips'], 'auto, frames'),
        ([FOLDER, '--labels', 'kitti'], 'known are bdd100k'),
        ([FOLDER, '--mask-classes', 'bdd100k'], '--mask-topic'),
        ([FOLDER, '--mask-topic', '/m'], 'need no --model'),
        ([FOLDER, '--json', 'frames'], "'frames' is a folder"),
        ([FOLDER, '--max-drop', 'miou=1', '--baseline', 'none.json'], 'none.json cannot be read'),
        ([FOLDER, '--max-drop', 'ece=1', '--baseline', 'base.json'], 'write --max-rise'),
        ([FOLDER, '--max', 'miou=70'], 'write --min'),
        ([FOLDER, '--baseline', 'base.json'], 'nothing to hold it to'),
        ([FOLDER, '--min', 'miou=1', '--baseline', 'base.json'], 'nothing to hold it to'),
        ([FOLDER, '--min', 'miou=1', '--beyond-noise'], '--beyond-noise is for limits of a change'),
        (
            [FOLDER, '--max-drop', 'miou=1', '--baseline', 'base.json', '--json', './base.json'],
            "base.json' is read, and would be replaced",
        ),
        ([FOLDER, '--attributes', 'none.csv'], 'none.csv cannot be read'),
        (['drive', '--label-topic', '/cam/label', '--image-topic', '/y'], '/y'),
    ],
)
def test_what_is_refused(place: Path, arguments: list[str], message: str) -> None:
    if 'base.json' in arguments:
        assert evaluate(FOLDER, '--json', 'base.json').exit_code == 0
    found = evaluate(*arguments)
    assert isinstance(found.exception, DrivsegError), found.output
    assert message in str(found.exception)


def test_masks_need_the_meaning_of_their_values(place: Path) -> None:
    write_bag(place / 'unnamed', [(MASK, i, label_of(i)) for i in range(2)])
    found = evaluate('unnamed', '--mask-topic', MASK, model='')
    assert isinstance(found.exception, DrivsegError)
    assert 'values 0 to 2, 255 on /cam/mask mean' in str(found.exception)
    assert 'say it with --mask-classes' in str(found.exception)
