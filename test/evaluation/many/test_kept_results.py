# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Results of single bags are kept, and only what is missing or has changed is done again."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from color_bag import color_image
from many_bags import RunsHere, Seen, numbers, requests_of, truncate, write_bags
from tiny_model import write_tiny_model

from drivseg_ros.bags.topics import BagTopics
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.many import identity
from drivseg_ros.evaluation.many.bags import ManyResult, entitle, evaluate_many
from drivseg_ros.evaluation.many.kept_results import KeptResults
from drivseg_ros.evaluation.result import Evaluation


def test_only_what_is_missing_is_done(eight_bags: Path, tmp_path: Path) -> None:
    bags = write_bags(tmp_path, 4)
    model = tmp_path / 'tiny.onnx'
    write_tiny_model(model)
    kept = KeptResults(tmp_path / 'kept')

    def run(*, resume: bool = True, **changes: Any) -> tuple[Evaluation, list[int]]:
        requests = requests_of(tmp_path, [bag.name for bag in bags], **changes)
        seen = Seen()
        many = evaluate_many(requests, RunsHere(), watcher=seen, kept=kept, resume=resume)
        assert sorted(seen.earlier + seen.done) == [0, 1, 2, 3]
        return many.merge(), sorted(seen.done)

    first, done = run()
    assert done == [0, 1, 2, 3]
    assert sorted(p.name for p in kept.folder.iterdir()) == [f'drive{i}.json' for i in range(4)]
    again, done = run()
    assert done == []
    assert numbers(again) == numbers(first)
    assert run(threads=2)[1] == []  # which changes no metric
    assert run(resume=False)[1] == [0, 1, 2, 3]

    kept.path('drive1').unlink()
    assert run()[1] == [1]
    torn = kept.path('drive2')
    torn.write_bytes(torn.read_bytes()[:-100])
    assert run()[1] == [2]
    # Counts that somebody changed.
    torn.write_text(torn.read_text().replace('"label_sha256": "', '"label_sha256": "0', 1))
    assert run()[1] == [2]
    (storage,) = (p for p in bags[0].iterdir() if p.suffix == '.mcap')
    os.utime(storage, ns=(1, 1))
    assert run()[1] == [0]
    for changes in ({'bands': 2}, {'limit': 1}, {'labels': 'bdd100k'}, {'draws': 200}):
        assert run(**changes)[1] == [0, 1, 2, 3], changes
        assert run(**changes)[1] == [], changes
    run()
    write_tiny_model(model, width=8, height=6)
    assert run()[1] == [0, 1, 2, 3]

    # Another folder is the same bag.
    moved = tmp_path / 'elsewhere'
    moved.mkdir()
    for bag in bags:
        bag.rename(moved / bag.name)
    bags[:] = [moved / bag.name for bag in bags]
    requests = requests_of(tmp_path, [f'elsewhere/{bag.name}' for bag in bags])
    seen = Seen()
    evaluate_many(requests, RunsHere(), watcher=seen, kept=kept, resume=True)
    assert seen.earlier == [0, 1, 2, 3]


def test_a_bag_that_failed_is_tried_again(tmp_path: Path) -> None:
    bags = write_bags(tmp_path, 2)
    write_tiny_model(tmp_path / 'tiny.onnx')
    (storage,) = (p for p in bags[1].iterdir() if p.suffix == '.mcap')
    whole = storage.read_bytes()
    truncate(bags[1], 60)
    kept = KeptResults(tmp_path / 'kept')
    requests = requests_of(tmp_path, ['drive0', 'drive1'])
    for done, failed in ([0], [1]), ([], [1]), ([1], []):
        seen = Seen()
        evaluate_many(requests, RunsHere(), watcher=seen, kept=kept, resume=True)
        assert (seen.done, list(seen.failed)) == (done, failed)
        if not done:
            storage.write_bytes(whole)


def write_folder(folder: Path, seed: int) -> None:
    for kind in ('images', 'labels'):
        (folder / kind).mkdir(parents=True)
    for i in range(2):
        image = color_image(seed + i)
        cv2.imwrite(str(folder / f'images/{i}.png'), image[..., ::-1])
        cv2.imwrite(str(folder / f'labels/{i}.png'), image.argmax(-1).astype(np.uint8))


def test_data_sets_beside_bags(eight_bags: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / 'data/one', 1)
    write_folder(tmp_path / 'data/two', 3)
    asked = requests_of(eight_bags, ['drive0'], sequence=False)[0]
    plain = dataclasses.replace(asked, topics=BagTopics(), data=str(tmp_path / 'data'))
    texts = [f'folder=${{data}}/{name},classes=bdd100k' for name in ('one', 'two')]
    requests = entitle([asked, *(dataclasses.replace(plain, frames=text) for text in texts)])
    kept = KeptResults(tmp_path / 'kept')

    def run() -> tuple[ManyResult, list[int]]:
        seen = Seen()
        many = evaluate_many(requests, RunsHere(), watcher=seen, kept=kept, resume=True)
        return many, sorted(seen.done)

    many, done = run()
    assert (many.broken, done) == ({}, [0, 1, 2])
    assert [part.title for part in many.merge().parts] == ['drive0', *texts]
    # Frames of one name in two sets are drawn apart.
    assert [*many.merge().groups] == [
        'drive0, from 0 s', *(f'{text}: {name}' for text in texts for name in '01')
    ]  # fmt: skip
    assert run()[1] == []
    (tmp_path / 'data/one/attributes.csv').write_text('name,weather\n0.png,rain\n')
    many, done = run()
    assert done == [1]
    # Both sets have a frame called 0, and only one of the two is known to be wet.
    found = {one['name']: one['frames'] for one in describe(many.merge())['slices']}
    assert found == {'weather=rain': 1, 'weather=unknown': 5}
    write_folder(tmp_path / 'data/other', 9)
    os.replace(tmp_path / 'data/other/images/0.png', tmp_path / 'data/two/images/0.png')
    assert run()[1] == [2]

    # Frames of a drive follow each other, those of a set do not, unless one says so.
    requests = [dataclasses.replace(request, sequence=None) for request in requests]
    many, _ = run()
    assert list(many.broken) == texts
    assert all('--no-sequence' in text for text in many.broken.values())


def test_masks_that_are_there(eight_bags: Path, tmp_path: Path) -> None:
    requests = requests_of(
        eight_bags,
        ['drive0', 'drive2'],
        model=None,
        topics=BagTopics('/cam/image_raw', mask='/cam/label'),
        labels='bdd100k',
    )
    kept = KeptResults(tmp_path / 'kept')
    for done in [0, 1], []:
        seen = Seen()
        many = evaluate_many(requests, RunsHere(), watcher=seen, kept=kept, resume=True)
        assert many.merge().counts.processed == 2 + 4
        assert sorted(seen.done) == done


@pytest.mark.parametrize(
    ('title', 'name'),
    [('drive', 'drive.json'), ('a/drive', 'a_drive-'), ('../x', '_x-'), ('a' * 300, 'a' * 100)],
)
def test_names_of_kept_files(tmp_path: Path, title: str, name: str) -> None:
    path = KeptResults(tmp_path).path(title)
    assert path.parent == tmp_path
    assert path.name.startswith(name)
    assert len(path.name) < 130


def test_other_titles_have_other_files(tmp_path: Path) -> None:
    kept = KeptResults(tmp_path)
    assert len({kept.path(t) for t in ('a/b', 'a_b', 'a b', 'a-b')}) == 4


@pytest.mark.parametrize(('library', 'again'), [('simplejpeg', True), ('rclpy', False)])
def test_another_version_of_what_makes_pixels_counts(
    eight_bags: Path, monkeypatch: pytest.MonkeyPatch, library: str, again: bool
) -> None:
    asked = requests_of(eight_bags, ['drive0'])[0]
    found = []
    for version in '12':
        monkeypatch.setattr(identity, 'describe_versions', lambda v=version: {library: v})
        found.append(identity.identify(asked, None))
    assert (found[0] != found[1]) == again
