# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Passes over videos: every frame once, at the video's rate, and no half of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from plain_colors import BLUE, GREEN, RED, read_frames, write_video
from tiny_model import tiny_card

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.network import RunNetwork
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import PLAIN
from drivseg_ros.frames.source import DatasetSource, FrameSource, VideoSource
from drivseg_ros.frames.unlabelled import UnlabelledFrames
from drivseg_ros.images.overlay import Look
from drivseg_ros.report.overlay_sinks import OverlayVideo
from drivseg_ros.report.picture_sinks import PlaneWriter
from drivseg_ros.segmenter import Segmenter

COLORS = (RED, GREEN, BLUE, GREEN, RED)
CLASSES = [0, 1, 2, 1, 0]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_video(tmp_path / 'in.avi', COLORS)


def segment(
    model: Path,
    frames: FrameSource,
    output: Path,
    look: Look = Look(),  # noqa: B008
    *,
    seen: list[tuple[int, int]] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Beside the video, masks in m and confidences in c."""
    sinks = [
        OverlayVideo(output, rate_hz=frames.rate_hz or 10, look=look, captions=False),
        PlaneWriter(output.parent / 'm', output.parent / 'c'),
    ]
    with Segmenter.open(model) as segmenter:
        return evaluate(
            frames,
            RunNetwork(segmenter),
            settings=PLAIN,
            sinks=sinks,
            on_frame=lambda *done: None if seen is None else seen.append(done),
            stop=stop,
        )


def planes_in(folder: Path) -> dict[str, list[int]]:
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
        pytest.importorskip('av', reason='PyAV is not installed (extra: report)')
    output = tmp_path / f'out{suffix}'
    seen: list[tuple[int, int]] = []
    look = Look(alpha=1, side_by_side=side_by_side)
    found = segment(tiny_model, VideoSource(source), output, look, seen=seen)
    assert (found.counts.processed, found.counts.failed) == (5, 0)
    assert seen == [(i, 5) for i in range(1, 6)]
    assert planes_in(tmp_path / 'm') == {f'{i:06d}.png': [c] for i, c in enumerate(CLASSES)}
    for values, color in zip(planes_in(tmp_path / 'c').values(), COLORS, strict=True):
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


def test_stopped_it_finishes_the_video(tmp_path: Path, tiny_model: Path, source: Path) -> None:
    output, seen = tmp_path / 'o.mp4', []
    frames = VideoSource(source)
    found = segment(tiny_model, frames, output, seen=seen, stop=lambda: len(seen) == 2)
    assert found.interrupted
    assert found.counts.processed == len(read_frames(output)) == 2
    assert list(planes_in(tmp_path / 'm')) == ['000000.png', '000001.png']


def test_after_an_error_there_is_no_half_of_a_video(
    tmp_path: Path, tiny_model: Path, source: Path
) -> None:
    (tmp_path / 'm' / '000002.png').mkdir(parents=True)
    with pytest.raises(DataError, match=r'000002\.png.* cannot be written'):
        segment(tiny_model, VideoSource(source), tmp_path / 'o.mp4')
    assert {p.name for p in tmp_path.iterdir() if p.is_file()} == {'in.avi'}


def test_a_video_that_ends_too_early(tmp_path: Path, tiny_model: Path) -> None:
    source = write_video(tmp_path / 'in.avi', COLORS * 40)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    frames = VideoSource(source)
    counts = segment(tiny_model, frames, tmp_path / 'o.mp4').counts
    assert 0 < len(frames) == counts.offered == counts.processed < 200
    assert f'names 200 frames, of which {len(frames)} came out' in frames.note
    assert len(read_frames(tmp_path / 'o.mp4')) == counts.processed


def test_a_folder_of_pictures(tmp_path: Path, tiny_model: Path) -> None:
    drive = tmp_path / 'drive'
    drive.mkdir()
    for number, color in enumerate((RED, GREEN, BLUE)):
        cv2.imwrite(str(drive / f'{number}.png'), np.full((48, 64, 3), color[::-1], np.uint8))
    (drive / '1b.jpg').write_text('no picture')
    files = tuple(sorted(drive.iterdir()))
    frames = DatasetSource('drive', UnlabelledFrames('drive', files, tuple(range(4))))
    found = segment(tiny_model, frames, tmp_path / 'o.mp4')
    assert (found.counts.processed, list(found.parts[0].failures)) == (3, ['1b'])
    # Numbered as the frames of the video.
    assert planes_in(tmp_path / 'm') == {f'{i:06d}.png': [i] for i in range(3)}
    assert len(read_frames(tmp_path / 'o.mp4')) == 3
    assert cv2.VideoCapture(str(tmp_path / 'o.mp4')).get(cv2.CAP_PROP_FPS) == pytest.approx(10)
