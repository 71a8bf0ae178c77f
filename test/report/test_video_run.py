# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Videos: every frame once, at the video's rate, and no half of a file."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from plain_colors import BLUE, GREEN, RED, read_frames, write_video
from tiny_model import tiny_card, write_tiny_model

from drivseg_ros.errors import DataError, MissingDependencyError, ParameterError
from drivseg_ros.images.overlay import Look
from drivseg_ros.report.video_run import VideoFiles, segment_video
from drivseg_ros.segmenter import Segmenter

COLORS = (RED, GREEN, BLUE, GREEN, RED)
CLASSES = [0, 1, 2, 1, 0]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_video(tmp_path / 'in.avi', COLORS)


def masks_in(folder: Path) -> dict[str, list[int]]:
    return {
        p.name: np.unique(cv2.imread(str(p), cv2.IMREAD_UNCHANGED)).tolist()
        for p in sorted(folder.iterdir())
    }


@pytest.mark.parametrize('suffix', ['.mp4', '.gif'])
@pytest.mark.parametrize('side_by_side', [False, True])
def test_video(
    tmp_path: Path, tiny_model: Path, source: Path, suffix: str, side_by_side: bool
) -> None:
    if suffix == '.gif':
        pytest.importorskip('av', reason="PyAV is not installed: pip install '.[report]'")
    output = tmp_path / f'out{suffix}'
    files = VideoFiles(source, output, masks=tmp_path / 'm', confidence=tmp_path / 'c')
    seen: list[tuple[int, int | None]] = []
    with Segmenter.open(tiny_model) as segmenter:
        tally = segment_video(
            segmenter,
            files,
            Look(alpha=1, side_by_side=side_by_side),
            on_frame=lambda *done: seen.append(done),
        )
    assert (tally.done, tally.failed) == (5, {})
    assert seen == [(i, 5) for i in range(1, 6)]
    assert masks_in(tmp_path / 'm') == {f'{i:06d}.png': [c] for i, c in enumerate(CLASSES)}
    for values, color in zip(masks_in(tmp_path / 'c').values(), COLORS, strict=True):
        assert np.abs(np.array(values) - max(color)).max() < 6  # it was a JPEG
    assert cv2.VideoCapture(str(output)).get(cv2.CAP_PROP_FPS) == pytest.approx(25)
    frames = read_frames(output)
    assert [f.shape for f in frames] == [(48, 128 if side_by_side else 64, 3)] * 5
    palette = [c.color for c in tiny_card().classes]
    for frame, color, class_id in zip(frames, COLORS, CLASSES, strict=True):
        shown = color if class_id == 2 else palette[class_id]
        assert np.abs(frame[:, -56:].mean((0, 1)) - shown).max() < 20
        if side_by_side:
            assert np.abs(frame[:, :56].mean((0, 1)) - color).max() < 20
    assert not list(tmp_path.glob('.*'))


def test_width_and_rate(tmp_path: Path, tiny_model: Path, source: Path) -> None:
    files = VideoFiles(source, tmp_path / 'o.mp4')
    with Segmenter.open(tiny_model) as segmenter:
        segment_video(segmenter, files, Look(side_by_side=True), rate_hz=10, width=32)
    assert [f.shape for f in read_frames(files.output)] == [(12, 32, 3)] * 5
    assert cv2.VideoCapture(str(files.output)).get(cv2.CAP_PROP_FPS) == pytest.approx(10)


def test_stopped_it_finishes_the_video(tmp_path: Path, tiny_model: Path, source: Path) -> None:
    files = VideoFiles(source, tmp_path / 'o.mp4', masks=tmp_path / 'm')
    done: list[int] = []
    with Segmenter.open(tiny_model) as segmenter:
        tally = segment_video(
            segmenter,
            files,
            Look(),
            stop=lambda: len(done) == 2,
            on_frame=lambda number, _: done.append(number),
        )
    assert tally.interrupted
    assert tally.done == len(read_frames(files.output)) == 2
    assert list(masks_in(tmp_path / 'm')) == ['000000.png', '000001.png']


def test_after_an_error_there_is_no_half_of_a_video(
    tmp_path: Path, tiny_model: Path, source: Path
) -> None:
    (tmp_path / 'm' / '000002.png').mkdir(parents=True)
    files = VideoFiles(source, tmp_path / 'o.mp4', masks=tmp_path / 'm', overwrite=True)
    with (
        Segmenter.open(tiny_model) as segmenter,
        pytest.raises(DataError, match=r'000002\.png.* cannot be written'),
    ):
        segment_video(segmenter, files, Look())
    left = {p.name for p in tmp_path.iterdir() if p.is_file()}
    assert left == {'in.avi'}


def test_a_video_that_ends_too_early_is_told(tmp_path: Path, tiny_model: Path) -> None:
    source = write_video(tmp_path / 'in.avi', COLORS * 40)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    said: list[str] = []
    with Segmenter.open(tiny_model) as segmenter:
        files = VideoFiles(source, tmp_path / 'o.mp4')
        tally = segment_video(segmenter, files, Look(), on_failure=said.append)
    assert 0 < tally.done < 200
    assert len(read_frames(files.output)) == tally.done
    (message,) = said
    assert f'200 frames, of which {tally.done} came out' in message


@pytest.mark.parametrize(
    ('output', 'options', 'expected'),
    [
        ('o.avi', {}, r'ends in \.mp4 or \.gif'),
        ('folder', {}, r'ends in \.mp4 or \.gif'),
        ('taken.mp4', {}, 'is there already; replace with --overwrite'),
        ('taken.mp4', {'overwrite': True}, None),
        ('in.mp4', {'overwrite': True}, 'over the input of the same name'),
        ('o.mp4', {'masks': 'full'}, 'is not empty'),
        ('o.mp4', {'masks': 'full', 'overwrite': True}, None),
        ('o.mp4', {'masks': 'taken.mp4'}, 'is a file; name a folder'),
        ('o.mp4', {'masks': 'm', 'confidence': 'm'}, 'name two'),
    ],
)
def test_files(tmp_path: Path, output: str, options: dict, expected: str | None) -> None:
    for name in ('in.mp4', 'taken.mp4', 'full/x.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('')
    (tmp_path / 'folder').mkdir()
    options = {k: tmp_path / v if isinstance(v, str) else v for k, v in options.items()}
    if expected is None:
        VideoFiles(tmp_path / 'in.mp4', tmp_path / output, **options)
        return
    with pytest.raises(DataError, match=expected):
        VideoFiles(tmp_path / 'in.mp4', tmp_path / output, **options)


def test_a_gif_needs_av(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(MissingDependencyError, match=r"\[report\]'; or write an .mp4"):
        VideoFiles(tmp_path / 'in.mp4', tmp_path / 'o.gif')


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'rate_hz': 0.0}, 'give 0.01 to 1000'),
        ({'rate_hz': 2000.0}, 'give 0.01 to 1000'),
        ({'width': 8}, 'give 16 to 16384'),
        ({'confidence': True}, "has no output 'confidence'"),
    ],
)
def test_refusals(tmp_path: Path, source: Path, options: dict, expected: str) -> None:
    model = write_tiny_model(tmp_path / 'models' / 'm.onnx', confidence=False)
    folder = tmp_path / 'c' if options.pop('confidence', False) else None
    files = VideoFiles(source, tmp_path / 'o.mp4', confidence=folder)
    with Segmenter.open(model) as segmenter, pytest.raises(ParameterError, match=expected):
        segment_video(segmenter, files, Look(), **options)
    assert not files.output.exists()


def test_no_video(tmp_path: Path, tiny_model: Path) -> None:
    source = tmp_path / 'text.mp4'
    source.write_text('no video')
    with Segmenter.open(tiny_model) as segmenter, pytest.raises(DataError, match='is no video'):
        segment_video(segmenter, VideoFiles(source, tmp_path / 'o.mp4'), Look())


def test_a_folder_of_pictures(tmp_path: Path, tiny_model: Path) -> None:
    drive = tmp_path / 'drive' / 'data'
    drive.mkdir(parents=True)
    for number, color in zip((2, 10, 1), (GREEN, BLUE, RED), strict=True):
        cv2.imwrite(str(drive / f'{number}.png'), np.full((48, 64, 3), color[::-1], np.uint8))
    (drive / '3.jpg').write_text('no picture')
    files = VideoFiles(tmp_path / 'drive', tmp_path / 'o.mp4', masks=tmp_path / 'm')
    said: list[str] = []
    with Segmenter.open(tiny_model) as segmenter:
        with pytest.raises(ParameterError, match=r'drive. does not say its frame rate.*--rate'):
            segment_video(segmenter, files, Look())
        tally = segment_video(segmenter, files, Look(), rate_hz=10, on_failure=said.append)
    assert (tally.done, list(tally.failed)) == (3, ['3.jpg'])
    assert len(said) == 1
    assert '3.jpg' in said[0]
    assert masks_in(tmp_path / 'm') == {f'{i:06d}.png': [i] for i in range(3)}
    assert len(read_frames(files.output)) == 3
    assert cv2.VideoCapture(str(files.output)).get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    with pytest.raises(DataError, match='holds the pictures that are read'):
        VideoFiles(tmp_path / 'drive', tmp_path / 'p.mp4', masks=drive, overwrite=True)
