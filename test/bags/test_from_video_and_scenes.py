# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivseg_ros.bags.from_scenes import bag_from_scenes
from drivseg_ros.bags.from_video import bag_from_video
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.images.codec import decode_image, decode_labels
from drivseg_ros.images.videos import probe_video, read_times
from drivseg_ros.scenes.drive import Drive

START_NS = 1_700_000_000_000_000_000


def video(path: Path, *, frames: int = 8, rate: float = 12.5) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), rate, (48, 32))
    assert writer.isOpened()
    for i in range(frames):
        writer.write(np.full((32, 48, 3), (20 * i, 100, 255 - 20 * i), np.uint8))
    writer.release()
    return path


def test_frames_of_a_video_keep_order_colours_and_rate(tmp_path: Path) -> None:
    source = video(tmp_path / 'a.avi')
    facts = probe_video(source)
    assert (facts.rate_hz, facts.frames, facts.width, facts.height) == (12.5, 8, 48, 32)
    seen: list[int] = []
    made = bag_from_video(
        read_times(source), ImageBagOptions(tmp_path / 'bag'), progress=seen.append
    )
    assert seen == list(range(1, 9))
    assert (made.start_ns, made.end_ns) == (START_NS, START_NS + 7 * 80_000_000)
    with BagReader(tmp_path / 'bag') as reader:
        for i, message in enumerate(reader.messages()):
            assert message.header_stamp_ns == message.time_ns == START_NS + i * 80_000_000
            mean = decode_image(message.message).reshape(-1, 3).mean(0)
            assert np.allclose(mean, (255 - 20 * i, 100, 20 * i), atol=6)


def test_a_rate_that_is_given_counts(tmp_path: Path) -> None:
    made = bag_from_video(
        read_times(video(tmp_path / 'a.avi')),
        ImageBagOptions(tmp_path / 'bag', start_ns=5),
        rate_hz=4,
    )
    assert (made.start_ns, made.end_ns) == (5, 5 + 7 * 250_000_000)


def text(path: Path) -> Path:
    (path / 'a.mp4').write_text('no video')
    return path / 'a.mp4'


def cut(path: Path) -> Path:
    whole = video(path / 'a.avi').read_bytes()
    (path / 'cut.avi').write_bytes(whole[: whole.index(b'movi') + 4])
    return path / 'cut.avi'


@pytest.mark.parametrize(
    ('make', 'match'),
    [
        (lambda path: path / 'none.mp4', r'there is no video .*none.mp4'),
        (text, r'a.mp4. is no video that OpenCV can read'),
        (cut, r'cut.avi. (has no frame|is no video|does not state its frame rate)'),
    ],
)
def test_what_is_no_video_is_refused(
    make: Callable[[Path], Path], match: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=match):
        bag_from_video(read_times(make(tmp_path)), ImageBagOptions(tmp_path / 'bag'))


def test_an_impossible_rate_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match='is not possible'):
        bag_from_video(
            read_times(video(tmp_path / 'a.avi')), ImageBagOptions(tmp_path / 'bag'), rate_hz=-3
        )
    assert not (tmp_path / 'bag').exists()


def drive() -> Drive:
    return Drive(4, width=96, height=64, rate_hz=8.0, duration_s=0.5)


def test_a_drive_becomes_images_labels_and_calibration(tmp_path: Path) -> None:
    options = ImageBagOptions(tmp_path / 'bag', topic='/cam/image_raw', encoding='rgb8')
    made = bag_from_scenes(drive(), options)
    frames = dict.fromkeys(('/cam/image_raw', '/cam/label', '/cam/camera_info'), 4)
    assert made.counts == {**frames, '/cam/label_info': 1}
    with BagReader(tmp_path / 'bag') as reader:
        got = {t: list(reader.messages([t])) for t in reader.topics}
    for i, scene in enumerate(drive()):
        stamp = START_NS + i * 125_000_000
        image, label, info = (got[topic][i] for topic in frames)
        assert image.header_stamp_ns == label.header_stamp_ns == info.header_stamp_ns == stamp
        assert (decode_image(image.message) == scene.image).all()
        assert (decode_labels(label.message) == scene.class_ids).all()
        assert tuple(info.message.k) == drive().camera_info.k
        assert tuple(info.message.p) == drive().camera_info.p


def test_the_same_drive_gives_the_same_bag_and_labels_can_be_left_out(tmp_path: Path) -> None:
    contents = []
    for name in ('a', 'b'):
        made = bag_from_scenes(drive(), ImageBagOptions(tmp_path / name), labels=False)
        assert list(made.counts) == ['/camera/image_raw', '/camera/camera_info']
        with BagReader(tmp_path / name) as reader:
            contents.append([(m.topic, m.time_ns, m.data) for m in reader.messages()])
    assert contents[0] == contents[1]
