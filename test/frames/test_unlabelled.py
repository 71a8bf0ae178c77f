# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.cache import in_threads
from drivseg_ros.frames.check import check_dataset
from drivseg_ros.frames.class_mapping import create_mappings
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.model.card import BDD100K_CLASSES

FRAMES = 60


@pytest.fixture
def video(tmp_path):
    """Each frame has a red block, and six white or black ones: the bits of its number."""
    path = tmp_path / 'drive.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 10, (112, 16))
    for i in range(FRAMES):
        frame = np.zeros((16, 7, 16, 3), np.uint8)
        frame[:, 0] = (0, 0, 255)
        for bit in range(6):
            frame[:, 1 + bit] = 255 * (i >> bit & 1)
        writer.write(frame.reshape(16, 112, 3))
    writer.release()
    return path


def number(image):
    """Which frame of the video an image is."""
    means = image.reshape(16, 7, 16, 3).mean((0, 2))
    assert means[0, 0] > 200 > 55 > means[0, 2], 'RGB, not BGR'
    return sum((means[1 + bit].mean() > 127) << bit for bit in range(6))


def test_pictures_are_all_unlabelled(write):
    for i in (10, 9, 1):
        write.image(f'images/f{i}.png', level=i * 10)
    dataset = open_dataset('unlabelled', write.root)
    assert dataset.names == ('f1', 'f9', 'f10')
    assert [d.image[0, 0, 0] for d in dataset] == [10, 90, 100]
    assert np.array_equal(dataset[0].label, np.full((6, 8), 255))
    assert dataset.classes == ()
    (mapping,) = create_mappings([((), None)], BDD100K_CLASSES)
    assert (mapping.apply(dataset.label_only(1)) == 255).all()


def test_a_check_finds_nothing_wrong(write):
    for i in range(4):
        write.image(f'f{i}.png', level=i * 10)
    result = check_dataset([open_dataset('unlabelled', write.root)])
    assert result.ok
    assert result.total.unlabelled_share == 1
    assert result.total.sizes == {'8x6': 4}


def test_a_video_in_its_order_and_every_nth(video):
    dataset = open_dataset('unlabelled', video, every=7)
    assert dataset.names[:2] == ('drive_000000', 'drive_000007')
    assert [number(d.image) for d in dataset] == list(range(0, FRAMES, 7))
    assert len(open_dataset('unlabelled', video)) == FRAMES


@pytest.mark.parametrize('threads', [1, 3])
def test_a_video_in_any_order_by_any_thread(video, threads):
    dataset = open_dataset('unlabelled', video)
    order = [*range(40), *np.random.default_rng(0).permutation(FRAMES)[:20].tolist(), 5, 5, 59]
    read = in_threads(lambda i: dataset[order[i]].image, len(order), threads=threads)
    assert [number(image) for image in read] == order


def test_a_loading_process_opens_a_video_by_itself(video):
    dataset = open_dataset('unlabelled', video, limit=9)
    first = number(dataset[3].image)
    again = pickle.loads(pickle.dumps(dataset))
    assert again.identity == dataset.identity
    assert len(again) == 9
    assert number(again[3].image) == first


def test_identity_is_of_the_frames(video, write):
    write.image('a.png')
    write.image('b.png', size=(9, 6))
    datasets = [
        open_dataset('unlabelled', video),
        open_dataset('unlabelled', video, every=2),
        open_dataset('unlabelled', write.root),
        open_dataset('unlabelled', write.root, limit=1),
    ]
    assert len({d.identity for d in datasets}) == 4


def test_a_video_is_as_long_as_it_can_be_read(video):
    dataset = open_dataset('unlabelled', video)
    data = video.read_bytes()
    video.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r'had 60 frames and ends after \d+ now'):
        dataset[FRAMES - 1]
    half = open_dataset('unlabelled', video)
    assert 5 < len(half) < 50
    assert [number(half[i].image) for i in (len(half) - 1, 0)] == [len(half) - 1, 0]


@pytest.mark.parametrize(
    ('root', 'options', 'error', 'message'),
    [
        ('set', {}, DataError, 'holds no picture'),
        ('nowhere', {}, DataError, 'there is no folder'),
        ('drive.avi', {'every': 0}, ParameterError, 'every = 0; give a number from 1'),
        ('drive.avi', {'part': 'training'}, ParameterError, 'has no parts'),
        ('drive.avi', {'shares': {'training': 1}}, ParameterError, "no option 'shares'"),
        ('text.mp4', {}, DataError, 'is no video that OpenCV can read'),
    ],
)
def test_what_cannot_be_read_is_refused(video, write, tmp_path, root, options, error, message):
    (tmp_path / 'text.mp4').write_text('no video')
    with pytest.raises(error, match=message):
        open_dataset('unlabelled', tmp_path / root, **options)


def test_the_drives_here(shared_data):
    drives = shared_data / 'drives'
    for root, frames in (('town_720p', 240), ('kitti_0005', 154)):
        assert len(open_dataset('unlabelled', drives / root)) == frames
    video = open_dataset('unlabelled', drives / 'highway_720p.mp4')
    assert 80 < len(video) <= 91, 'it says 91, of which OpenCV 4 reads 88'
    assert video[len(video) - 1].image.shape == (720, 1280, 3)
