# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures: the masks are right, the names are those of the pictures, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from plain_colors import write_png
from tiny_model import tiny_card, write_tiny_model

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.images.overlay import Look
from drivseg_ros.report.picture_run import plan_pictures, segment_pictures
from drivseg_ros.segmenter import Segmenter

NAMES = ('frame2.png', 'frame10.png', 'frame1.PNG')


def noise(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate(NAMES):
        write_png(tmp_path / 'in' / name, noise(i))
    return tmp_path / 'in'


def test_masks_overlays_and_confidence(tmp_path: Path, tiny_model: Path, folder: Path) -> None:
    out, sure = tmp_path / 'out', tmp_path / 'sure'
    plan = plan_pictures(folder, out, confidence=sure)
    assert [f.picture.name for f in plan] == ['frame1.PNG', 'frame2.png', 'frame10.png']
    seen: list[tuple[int, int]] = []
    with Segmenter.open(tiny_model) as segmenter:
        tally = segment_pictures(
            segmenter,
            plan,
            Look(alpha=1, side_by_side=True),
            on_frame=lambda *done: seen.append(done),
        )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (tally.done, tally.failed, tally.interrupted) == (3, {}, False)
    assert all(ms > 0 for ms in tally.median_ms().values())
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
    written = {p.name for p in tmp_path.rglob('*') if p.is_file()}
    assert not [name for name in written if 'partial' in name]


def test_one_picture_to_one_file_keeps_its_size(tmp_path: Path, tiny_model: Path) -> None:
    picture = write_png(tmp_path / 'a.png', noise(0, 101, 203))
    plan = plan_pictures(picture, tmp_path / 'new' / 'b.jpg', masks=tmp_path / 'masks')
    with Segmenter.open(tiny_model) as segmenter:
        segment_pictures(segmenter, plan, Look())
    data = (tmp_path / 'new' / 'b.jpg').read_bytes()
    assert data.startswith(b'\xff\xd8\xff')
    assert cv2.imread(str(tmp_path / 'new' / 'b.jpg')).shape == (101, 203, 3)
    assert cv2.imread(str(tmp_path / 'masks' / 'a.png'), cv2.IMREAD_UNCHANGED).shape == (101, 203)


def test_a_broken_picture_costs_itself(tmp_path: Path, tiny_model: Path, folder: Path) -> None:
    (folder / 'frame5.jpg').write_bytes(b'\xff\xd8\xff nonsense')
    said: list[str] = []
    with Segmenter.open(tiny_model) as segmenter:
        plan = plan_pictures(folder, tmp_path / 'out')
        tally = segment_pictures(segmenter, plan, Look(), on_failure=said.append)
    assert (tally.done, list(tally.failed)) == (3, ['frame5.jpg'])
    assert len(said) == 1
    assert str(folder / 'frame5.jpg') in said[0]
    assert len(list((tmp_path / 'out' / 'masks').iterdir())) == 3


def test_stopped_it_leaves_what_is_finished(tmp_path: Path, tiny_model: Path, folder: Path) -> None:
    done: list[int] = []
    with Segmenter.open(tiny_model) as segmenter:
        tally = segment_pictures(
            segmenter,
            plan_pictures(folder, tmp_path / 'out'),
            Look(),
            stop=lambda: len(done) == 2,
            on_frame=lambda number, _: done.append(number),
        )
    assert tally.interrupted
    assert tally.done == 2
    names = [p.name for p in (tmp_path / 'out' / 'overlays').iterdir()]
    assert sorted(names) == ['frame1.PNG', 'frame2.png']


@pytest.mark.parametrize(
    ('source', 'output', 'options', 'expected'),
    [
        ('in', 'o.png', {}, 'is a folder of pictures and the output'),
        ('in', 'o.mp4', {}, r"cannot be '.*o\.mp4'; name a folder"),
        ('in/frame2.png', 'o.bmp', {}, r'ends in \.jpg, \.jpeg, \.png'),
        ('in', 'taken/masks/frame2.png/x', {}, None),  # seen when it is written
        ('in', 'taken', {}, r"taken/masks/frame2.png' is there already; replace with --overwrite"),
        ('in', 'taken', {'overwrite': True}, None),
        ('in/frame2.png', 'in/frame2.png', {'overwrite': True}, 'over the input of the same name'),
        ('in', 'o', {'masks': 'm', 'confidence': 'm'}, 'would be written twice'),
        ('twins', 'o', {}, r'a\.png.* would be written twice; rename'),
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
    with pytest.raises(DataError, match=expected):
        plan_pictures(tmp_path / source, tmp_path / output, **options)


def test_a_folder_that_cannot_be(tmp_path: Path, tiny_model: Path, folder: Path) -> None:
    (tmp_path / 'file').write_text('')
    with Segmenter.open(tiny_model) as segmenter:
        plan = plan_pictures(folder, tmp_path / 'file' / 'out')
        with pytest.raises(DataError, match='cannot be written'):
            segment_pictures(segmenter, plan, Look())


def test_a_network_without_confidence(tmp_path: Path, folder: Path) -> None:
    model = write_tiny_model(tmp_path / 'm.onnx', confidence=False)
    with Segmenter.open(model) as segmenter:
        plan = plan_pictures(folder, tmp_path / 'out', confidence=tmp_path / 'c')
        with pytest.raises(ParameterError, match='has no output'):
            segment_pictures(segmenter, plan, Look())
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('alpha', [-0.1, 1.1])
def test_alpha_out_of_range(alpha: float) -> None:
    with pytest.raises(ParameterError, match='give 0 to 1'):
        Look(alpha=alpha)
