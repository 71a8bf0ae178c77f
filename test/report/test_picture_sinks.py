# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Picture files of a pass: masks, overlays and confidences, and which names are refused."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from plain_colors import write_png
from tiny_model import tiny_card

from drivseg_ros.errors import DataError, MissingDependencyError, ParameterError
from drivseg_ros.evaluation.network import RunNetwork
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.frames.source import DatasetSource
from drivseg_ros.frames.unlabelled import UnlabelledFrames
from drivseg_ros.images.overlay import Look
from drivseg_ros.report.picture_sinks import (
    PictureFiles,
    PictureWriter,
    check_video_files,
    plan_pictures,
)
from drivseg_ros.segmenter import Segmenter

NAMES = ('frame2.png', 'frame10.png', 'frame1.PNG')


def noise(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate(NAMES):
        write_png(tmp_path / 'in' / name, noise(i))
    return tmp_path / 'in'


def run(model: Path, plan: list[PictureFiles], look: Look = Look()) -> Evaluation:  # noqa: B008
    frames = UnlabelledFrames('in', tuple(f.picture for f in plan), tuple(range(len(plan))))
    with Segmenter.open(model) as segmenter:
        return evaluate(
            DatasetSource('in', frames),
            RunNetwork(segmenter),
            settings=EvaluationSettings(),
            sinks=[PictureWriter(plan, look)],
        )


def test_masks_overlays_and_confidence(tmp_path: Path, tiny_model: Path, folder: Path) -> None:
    out, sure = tmp_path / 'out', tmp_path / 'sure'
    plan = plan_pictures(folder, out, confidence=sure)
    assert [f.picture.name for f in plan] == ['frame1.PNG', 'frame2.png', 'frame10.png']
    found = run(tiny_model, plan, Look(alpha=1, side_by_side=True))
    assert (found.counts.processed, found.counts.failed) == (3, 0)
    palette = np.array([c.color for c in tiny_card().classes])
    for i, name in enumerate(NAMES):
        image = noise(i)
        ids = image.argmax(-1)
        mask = cv2.imread(str(out / 'masks' / f'{Path(name).stem}.png'), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(mask, ids)
        confidence = cv2.imread(str(sure / f'{Path(name).stem}.png'), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(confidence, image.max(-1))
        overlay = cv2.imread(str(out / 'overlays' / name))[..., ::-1]
        expected = np.where((ids == 2)[..., None], image, palette[ids])
        np.testing.assert_array_equal(overlay, np.concatenate([image, expected], axis=1))
    assert not [p for p in tmp_path.rglob('*') if 'partial' in p.name]


def test_one_picture_to_one_file_keeps_its_size(tmp_path: Path, tiny_model: Path) -> None:
    picture = write_png(tmp_path / 'a.png', noise(0, 101, 203))
    run(tiny_model, plan_pictures(picture, tmp_path / 'new' / 'b.jpg', masks=tmp_path / 'masks'))
    data = (tmp_path / 'new' / 'b.jpg').read_bytes()
    assert data.startswith(b'\xff\xd8\xff')
    assert cv2.imread(str(tmp_path / 'new' / 'b.jpg')).shape == (101, 203, 3)
    assert cv2.imread(str(tmp_path / 'masks' / 'a.png'), cv2.IMREAD_UNCHANGED).shape == (101, 203)


@pytest.mark.parametrize(
    ('source', 'output', 'options', 'expected'),
    [
        ('in', 'o.png', {}, 'is a folder of pictures and the output'),
        ('in', 'o.mp4', {}, r"cannot be '.*o\.mp4'; name a folder"),
        ('in/frame2.png', 'o.bmp', {}, r'ends in \.jpg, \.jpeg, \.png'),
        ('in', 'taken/masks/frame2.png/x', {}, 'cannot be written'),
        ('in', 'taken', {}, r"taken/masks/frame2.png' exists; .* replace it with --overwrite"),
        ('in', 'taken', {'overwrite': True}, None),
        ('in/frame2.png', 'in/frame2.png', {'overwrite': True}, 'is read, and would be replaced'),
        ('in', 'o', {'masks': 'm', 'confidence': 'm'}, 'would be written twice'),
        ('twins', 'o', {}, r'a\.png.* would be written twice'),
        ('empty', 'o', {}, 'holds no picture'),
    ],
)
def test_plans(
    tmp_path: Path, folder: Path, source: str, output: str, options: dict, expected: str | None
) -> None:
    write_png(tmp_path / 'taken' / 'masks' / 'frame2.png', noise(0))
    write_png(tmp_path / 'twins' / 'a.png', noise(0))
    write_png(tmp_path / 'twins' / 'a.jpg', noise(0))
    (tmp_path / 'empty').mkdir()
    options = {k: tmp_path / v if isinstance(v, str) else v for k, v in options.items()}
    if expected is None:
        assert len(plan_pictures(tmp_path / source, tmp_path / output, **options)) == 3
        return
    with pytest.raises((DataError, ParameterError), match=expected):
        plan_pictures(tmp_path / source, tmp_path / output, **options)


def test_a_folder_that_cannot_be(tmp_path: Path, tiny_model: Path, folder: Path) -> None:
    plan = plan_pictures(folder, tmp_path / 'out')
    (tmp_path / 'out').write_text('')  # meanwhile
    with pytest.raises(DataError, match='cannot be written'):
        run(tiny_model, plan)


@pytest.mark.parametrize('alpha', [-0.1, 1.1])
def test_alpha_out_of_range(alpha: float) -> None:
    with pytest.raises(ParameterError, match='give 0 to 1'):
        Look(alpha=alpha)


@pytest.mark.parametrize(
    ('output', 'options', 'expected'),
    [
        ('o.avi', {}, r'ends in \.mp4 or \.gif'),
        ('folder', {}, r'ends in \.mp4 or \.gif'),
        ('taken.mp4', {}, 'exists; .* replace it with --overwrite'),
        ('taken.mp4', {'overwrite': True}, None),
        ('in.mp4', {'overwrite': True}, 'is read, and would be replaced'),
        ('o.mp4', {'masks': 'full'}, 'is not empty'),
        ('o.mp4', {'masks': 'full', 'overwrite': True}, None),
        ('o.mp4', {'masks': 'taken.mp4'}, 'is a file; name a folder'),
        ('o.mp4', {'masks': 'm', 'confidence': 'm'}, 'name two'),
    ],
)
def test_files_of_a_video(tmp_path: Path, output: str, options: dict, expected: str | None) -> None:
    for name in ('in.mp4', 'taken.mp4', 'full/x.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('')
    (tmp_path / 'folder').mkdir()
    given = {k: tmp_path / v if isinstance(v, str) else v for k, v in options.items()}
    given = {'masks': None, 'confidence': None, **given}
    if expected is None:
        check_video_files(tmp_path / 'in.mp4', tmp_path / output, **given)
        return
    with pytest.raises((DataError, ParameterError), match=expected):
        check_video_files(tmp_path / 'in.mp4', tmp_path / output, **given)


def test_a_gif_needs_av(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(MissingDependencyError, match=r'or write an \.mp4'):
        check_video_files(tmp_path / 'in.mp4', tmp_path / 'o.gif', masks=None, confidence=None)


def test_pictures_of_a_folder_are_not_overwritten_by_masks(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DataError, match='holds the pictures that are read'):
        check_video_files(folder, tmp_path / 'p.mp4', masks=folder, confidence=None, overwrite=True)
