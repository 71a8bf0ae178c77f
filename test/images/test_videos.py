# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Each frame's own time, as PyAV, which is independent of OpenCV, finds it in the same file."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivseg_ros.bags.from_video import bag_from_video
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.frames.source import VideoSource
from drivseg_ros.images.overlay import Look
from drivseg_ros.images.videos import read_times
from drivseg_ros.report.overlay_sinks import OverlayVideo
from drivseg_ros.report.video import Video

av: Any = pytest.importorskip('av', reason="PyAV is not installed: pip install '.[report]'")

CONSTANT = [round(1000 * k / 30) for k in range(40)]
VARIABLE = CONSTANT[:20] + [700 + 100 * k for k in range(20)]


def write(
    path: Path, times_ms: Sequence[int], *, codec: str = 'libx264', b_frames: int = 0
) -> Path:
    """A video with a frame at each of these times."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.options = {'bf': str(b_frames)}
        for number, time_ms in enumerate(times_ms):
            picture = np.full((48, 64, 3), 4 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format='rgb24').reformat(format='yuv420p')
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def cut_by_edit_list(path: Path) -> Path:
    """Has an .mp4 begin half a second later, by its edit list only."""
    data = bytearray(path.read_bytes())
    place = data.index(b'elst') + 8
    (entries,) = struct.unpack_from('>I', data, place)
    duration, begin = struct.unpack_from('>Ii', data, place + 4 + 12 * (entries - 1))
    place += 4 + 12 * (entries - 1)
    scale = struct.unpack_from('>I', data, data.index(b'mdhd') + 16)[0]
    struct.pack_into('>Ii', data, place, duration - 500, begin + scale // 2)
    path.write_bytes(data)
    return path


def reference(path: Path) -> list[float]:
    """Times in s after the first frame's."""
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    return [t - times[0] for t in times]


def make(name: str, folder: Path) -> Path:
    if name == 'edit list':
        return cut_by_edit_list(write(folder / 'v.mp4', CONSTANT))
    suffix, kind = name.split(' ')
    times = {'variable': VARIABLE, 'late': [2000 + t for t in VARIABLE]}.get(kind, CONSTANT)
    path = folder / f'v.{suffix}'
    return write(path, times, b_frames=2 if kind == 'reordered' else 0)


NAMES = [
    *('mp4 constant', 'mp4 variable', 'mp4 late', 'mp4 reordered', 'edit list'),
    *('mkv constant', 'mkv variable', 'mkv late', 'mov late', 'ts constant', 'ts variable'),
]


@pytest.mark.parametrize('name', NAMES)
def test_frames_keep_their_own_times(name: str, tmp_path: Path) -> None:
    path = make(name, tmp_path)
    wanted = reference(path)
    video = read_times(path)
    assert [t / 1e9 for t in video.times_ns] == pytest.approx(wanted, abs=0.002)
    assert bool(video.note) == (name == 'edit list')
    bag_from_video(video, ImageBagOptions(tmp_path / 'bag', start_ns=10**18))
    with BagReader(tmp_path / 'bag') as reader:
        stamps = [m.header_stamp_ns for m in reader.messages()]
    assert [(s - 10**18) / 1e9 for s in stamps] == pytest.approx(wanted, abs=0.002)
    source = VideoSource(path)
    assert len(source) == len(wanted)
    assert [f.stamp_ns / 1e9 for f in source] == pytest.approx(wanted, abs=0.002)
    assert [f.stamp_ns for f in source.take([3, 5])] == [video.times_ns[3], video.times_ns[5]]


def test_only_the_first_frames(tmp_path: Path) -> None:
    video = read_times(write(tmp_path / 'v.mp4', CONSTANT), limit=7)
    assert (len(video.times_ns), video.note) == (7, '')
    assert bag_from_video(video, ImageBagOptions(tmp_path / 'bag')).counts == {
        '/camera/image_raw': 7
    }
    assert len(list(VideoSource(tmp_path / 'v.mp4', limit=7))) == 7


def test_the_edit_list_cuts_frames_away(tmp_path: Path) -> None:
    assert len(reference(make('edit list', tmp_path))) < 30
    assert 'of which' in read_times(tmp_path / 'v.mp4').note


def test_a_video_without_times_goes_by_its_rate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / 'raw.h264', CONSTANT)
    video = read_times(path)
    assert (len(video.times_ns), video.grow, video.note) == (40, False, '')
    made = bag_from_video(video, ImageBagOptions(tmp_path / 'bag', start_ns=0))
    assert made.end_ns == pytest.approx(39 / video.facts.rate_hz * 1e9, abs=1)
    assert 'have no times that grow' in caplog.text
    assert {frame.stamp_ns for frame in VideoSource(path)} == {None}
    made = bag_from_video(video, ImageBagOptions(tmp_path / 'own', start_ns=0), rate_hz=30)
    assert made.end_ns == 1_300_000_000


@pytest.mark.parametrize('suffix', ['mp4', 'gif'])
def test_a_written_video_shows_frames_at_their_times(suffix: str, tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.2, 0.5, 1.5, 1.54]
    with Video(tmp_path / f'v.{suffix}', rate_hz=10) as video:
        for number, time_s in enumerate(times):
            video.write(np.full((48, 64, 3), 40 * number, np.uint8), time_s=time_s)
    assert reference(tmp_path / f'v.{suffix}') == pytest.approx(times, abs=0.0101)


def test_opencv_repeats_frames_until_the_next_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('drivseg_ros.report.video._find_av', lambda: None)
    with Video(tmp_path / 'v.mp4', rate_hz=10) as video:
        for number, time_s in enumerate([0.0, 0.1, 0.5]):
            video.write(np.full((48, 64, 3), 80 * number, np.uint8), time_s=time_s)
    with av.open(str(tmp_path / 'v.mp4')) as container:
        values = [f.to_ndarray(format='rgb24').mean() for f in container.decode(video=0)]
    assert values == pytest.approx([0, 80, 80, 80, 80, 160], abs=6)


def test_pauses_and_steps_back_in_time_are_one_frame(tmp_path: Path) -> None:
    sink = OverlayVideo(tmp_path / 'v.mp4', rate_hz=10, look=Look(), captions=False)
    sink.begin(None)  # type: ignore[arg-type]  # it takes nothing from the terms
    picture = np.zeros((48, 64, 3), np.uint8)
    for stamp_s in (0, 1, 1_700_000_000, 1_700_000_001, 5, 5, 6):
        sink._write(picture, '', stamp_s * 10**9)
    sink._write(picture, '')
    sink._stack.close()
    wanted = [0, 1, 1.1, 2.1, 2.2, 2.3, 3.3, 3.4]
    assert reference(tmp_path / 'v.mp4') == pytest.approx(wanted, abs=0.001)
