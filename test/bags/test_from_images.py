# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from label_pngs import LABEL_KINDS, write_label

from drivseg_ros.bags.calibration import pinhole
from drivseg_ros.bags.dataset_info import read_dataset_info
from drivseg_ros.bags.from_images import bag_from_images, find_images
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.errors import BagError, DataError, DrivsegError, ParameterError
from drivseg_ros.images.codec import decode_compressed_image, decode_image, decode_labels

START_NS = 1_700_000_000_000_000_000


def picture(seed: int, *, height: int = 24, width: int = 32) -> np.ndarray:
    """Smooth BGR noise, which JPEG keeps nearly as it is."""
    small = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def fill(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True)
    for i, name in enumerate(names):
        assert cv2.imwrite(str(folder / name), picture(i))
    return folder


def add_labels(folder: Path, stems: list[str], shape: tuple[int, int] = (24, 32)) -> Path:
    folder.mkdir(parents=True)
    for i, stem in enumerate(stems):
        label = np.random.default_rng(100 + i).integers(0, 3, shape, np.uint8)
        assert cv2.imwrite(str(folder / f'{stem}.png'), label)
    return folder


def make(
    tmp_path: Path, folder: Path, *, calibration: Any = None, find: Any = None, **options: Any
) -> dict[str, list[BagMessage]]:
    found = find_images(folder, start_ns=START_NS, **(find or {}))
    chosen = ImageBagOptions(tmp_path / 'bag', **options)
    made = bag_from_images(found, chosen, calibration=calibration)
    with BagReader(tmp_path / 'bag') as reader:
        assert {t.name: t.count for t in reader.topics.values()} == made.counts
        return {t: list(reader.messages([t])) for t in reader.topics}


def test_pictures_come_in_natural_order_at_the_rate(tmp_path: Path) -> None:
    folder = fill(tmp_path / 'in', ['f10.png', 'f9.png', 'F1.PNG', 'f2.jpg'])
    (folder / 'notes.txt').write_text('')
    (got,) = make(tmp_path, folder, find={'rate_hz': 30.0}).values()
    assert [m.time_ns - START_NS for m in got] == [0, 33_333_333, 66_666_667, 100_000_000]
    assert [m.header_stamp_ns for m in got] == [m.time_ns for m in got]
    assert [m.topic for m in got] == ['/camera/image_raw'] * 4
    assert {m.message.header.frame_id for m in got} == {'camera_optical_frame'}
    for message, seed in zip(got, (2, 3, 1, 0), strict=True):
        bgr = decode_image(message.message)[..., ::-1].astype(int)
        assert abs(bgr - picture(seed)).max() <= (40 if seed == 3 else 0)


@pytest.mark.parametrize('encoding', ['bgr8', 'rgb8'])
def test_raw_encodings(encoding: str, tmp_path: Path) -> None:
    folder = fill(tmp_path / 'in', ['a.png'])
    topics = make(tmp_path, folder, encoding=encoding, topic='/x/y', frame_id='front')
    message = topics['/x/y'][0].message
    pixels = message.data.reshape(24, 32, 3)
    assert (message.encoding, message.step, message.header.frame_id) == (encoding, 96, 'front')
    assert (pixels == (picture(0) if encoding == 'bgr8' else picture(0)[..., ::-1])).all()


def test_files_are_passed_on(tmp_path: Path) -> None:
    folder = fill(tmp_path / 'in', ['a.jpg', 'b.png', 'c.jpeg'])
    grey = cv2.imencode('.jpg', picture(2)[..., 0])[1].tobytes()
    (folder / 'c.jpeg').write_bytes(grey)
    got = make(tmp_path, folder, compressed=True)['/camera/image_raw/compressed']
    a, b, c = (m.message for m in got)
    assert a.data.tobytes() == (folder / 'a.jpg').read_bytes()
    assert b.data.tobytes() == (folder / 'b.png').read_bytes()
    assert c.data.tobytes() == grey
    assert [m.format for m in (a, b, c)] == [
        'rgb8; jpeg compressed bgr8',
        'rgb8; png compressed bgr8',
        'mono8; jpeg compressed ',
    ]
    assert (decode_compressed_image(b) == picture(1)[..., ::-1]).all()


@pytest.mark.parametrize('kind', LABEL_KINDS)
def test_labels_of_every_kind_are_ids_as_they_stand(kind: str, tmp_path: Path) -> None:
    """As people's tools write them; OpenCV alone turns a 1 of one bit into 255, unlabelled."""
    folder = fill(tmp_path / 'in', ['a.png'])
    (tmp_path / 'labels').mkdir()
    ids = np.random.default_rng(7).integers(0, 2, (24, 32), np.uint8)
    write_label(tmp_path / 'labels/a.png', ids, kind)
    topics = make(tmp_path, folder, find={'labels': str(tmp_path / 'labels')})
    assert set(topics) == {'/camera/image_raw', '/camera/label'}
    assert (decode_labels(topics['/camera/label'][0].message) == ids).all()


@pytest.mark.parametrize('inside', [True, False])
def test_a_classes_file_goes_with_its_labels(inside: bool, tmp_path: Path) -> None:
    folder = fill(tmp_path / 'in', ['a.png'])
    labels = add_labels(tmp_path / 'labels', ['a'])
    place = labels if inside else tmp_path
    (place / 'classes.yaml').write_text(
        '- {name: rest}\n- {name: street, role: drivable}\n- {name: kerb}\n'
    )
    (info,) = make(tmp_path, folder, find={'labels': str(labels)})['/camera/label_info']
    assert [(c.class_id, c.class_name) for c in info.message.class_map] == [
        (0, 'rest'),
        (1, 'street'),
        (2, 'kerb'),
    ]
    told = read_dataset_info(tmp_path / 'bag')
    assert told is not None
    assert [c.role.value for c in told.classes] == ['none', 'drivable', 'none']
    (place / 'classes.yaml').write_text('[rest, street]\n')
    with pytest.raises(DataError, match='stray values: 2 '):
        make(tmp_path / 'other', folder, find={'labels': str(labels)})


def test_labels_calibration_and_image_share_stamps_and_names(tmp_path: Path) -> None:
    folder = fill(tmp_path / 'in', ['2.png', '10.png'])
    labels = add_labels(tmp_path / 'labels', ['2', '10', 'spare'])
    found = find_images(folder, start_ns=START_NS, labels=str(labels))
    assert found.spare_labels == 1
    topics = make(
        tmp_path,
        folder,
        find={'labels': str(labels)},
        calibration=pinhole(32, 24, fx=30, fy=31, cx=15.5, cy=11.5),
        topic='/cam/front/image_raw',
    )
    assert list(topics) == [
        '/cam/front/camera_info',
        '/cam/front/image_raw',
        '/cam/front/label',
    ]
    stamps = [START_NS, START_NS + 100_000_000]
    assert all([m.header_stamp_ns for m in t] == stamps for t in topics.values())
    for i, message in enumerate(topics['/cam/front/label']):
        wanted = np.random.default_rng(100 + i).integers(0, 3, (24, 32), np.uint8)
        assert (decode_labels(message.message) == wanted).all()
    info = topics['/cam/front/camera_info'][0].message
    assert (info.width, info.height, info.distortion_model) == (32, 24, 'plumb_bob')
    assert info.k.tolist() == [30, 0, 15.5, 0, 31, 11.5, 0, 0, 1]
    assert info.p.tolist() == [30, 0, 15.5, 0, 0, 31, 11.5, 0, 0, 0, 1, 0]


@pytest.mark.parametrize('place', ['data', 'images', ''])
def test_the_layout_of_kitti_raw_is_understood(place: str, tmp_path: Path) -> None:
    drive = tmp_path / 'image_02'
    fill(drive / place if place else drive, ['0000000000.png', '0000000001.png'])
    (drive / 'timestamps.txt').write_text(
        '2011-09-26 13:04:32.345808896\n2011-09-26 13:04:32.449188864\n'
    )
    (got,) = make(tmp_path, drive).values()
    # date -u -d '2011-09-26 13:04:32' +%s
    assert [m.time_ns for m in got] == [1317042272_345808896, 1317042272_449188864]
    by_rate = find_images(drive, start_ns=START_NS, rate_hz=4.0)
    assert by_rate.stamps_ns == [START_NS, START_NS + 250_000_000]
    assert by_rate.stamps_from == '4 Hz'


def test_pictures_of_different_sizes_are_allowed(tmp_path: Path) -> None:
    folder = fill(tmp_path / 'in', ['a.png'])
    cv2.imwrite(str(folder / 'b.png'), picture(5, height=10, width=50))
    (got,) = make(tmp_path, folder).values()
    assert [(m.message.width, m.message.height) for m in got] == [(32, 24), (50, 10)]


def truncated_jpeg(path: Path) -> Path:
    folder = fill(path / 'in', ['a.jpg', 'b.jpg'])
    whole = (folder / 'b.jpg').read_bytes()
    (folder / 'b.jpg').write_bytes(whole[:-20])
    return folder


def stamps(text: str) -> Callable[[Path], dict[str, Any]]:
    def write(path: Path) -> dict[str, Any]:
        (path / 't.txt').write_text(text)
        return {'stamps_file': path / 't.txt'}

    return write


def nothing(_: Path) -> dict[str, Any]:
    return {}


def two(path: Path) -> Path:
    return fill(path / 'in', ['a.png', 'b.png'])


def empty(path: Path) -> Path:
    (path / 'in').mkdir()
    return path / 'in'


def labels(stems: list[str], shape: tuple[int, int] = (24, 32)) -> Callable[[Path], dict[str, Any]]:
    return lambda path: {'labels': str(add_labels(path / 'l', stems, shape))}


def colour_label(path: Path) -> dict[str, Any]:
    return {'labels': str(fill(path / 'l', ['a.png', 'b.png']))}


def broken_label(path: Path) -> dict[str, Any]:
    folder = add_labels(path / 'l', ['a', 'b'])
    (folder / 'b.png').write_bytes(b'')
    return {'labels': str(folder)}


ERRORS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], dict[str, Any]], str]] = {
    'no folder': (lambda path: path / 'none', nothing, r'is no folder; give the folder'),
    'no pictures': (empty, nothing, r'holds no picture; allowed: .jpg, .jpeg, .png'),
    'a cut picture': (truncated_jpeg, nothing, r'picture .*b.jpg. cannot be used: .* ends too'),
    'rate and stamps': (
        two,
        lambda path: {'rate_hz': 1.0, 'stamps_file': path / 't'},
        r'give one of them',
    ),
    'no such stamps': (two, lambda path: {'stamps_file': path / 't'}, r'cannot be read'),
    'too few stamps': (two, stamps('1.5\n'), r'1 times but .* has 2 pictures; one time a picture'),
    'stamps that fall': (two, stamps('1.5\n1.25\n'), r'line 2: 1.25 is not after the line before'),
    'strange stamps': (two, stamps('1.5\nnoon\n'), r"line 2: 'noon' is no time; allowed in every"),
    'no labels': (
        two,
        lambda path: {'labels': str(path / 'l')},
        r"no folder '.*l' in '.*in' or .*no label map",
    ),
    'a label too few': (two, labels(['b']), r'1 of 2 images have no label: a.png wants .*; add'),
    'labels of another size': (
        two,
        labels(['a', 'b'], (12, 16)),
        r'a.png., its image 32x24, its label 16x12; they must have one size',
    ),
    'labels in colour': (two, colour_label, r'a.png. has RGB colours; one number a pixel'),
    'a label without bytes': (two, broken_label, r'b.png. is no PNG, TIFF or BMP; ids must'),
    'one name twice': (
        lambda path: fill(path / 'in', ['a.png', 'a.jpg']),
        labels(['a']),
        r'2 images go by the name of the label .*a\.png',
    ),
}


@pytest.mark.parametrize('name', ERRORS)
def test_what_does_not_fit_is_an_error(name: str, tmp_path: Path) -> None:
    folder, find, text = ERRORS[name]
    with pytest.raises((BagError, DataError, ParameterError), match=text):
        make(tmp_path, folder(tmp_path), find=find(tmp_path))
    assert not (tmp_path / 'bag').exists()


def test_a_calibration_of_another_camera_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BagError, match='is 32x24 but the calibration is for 640x480'):
        make(tmp_path, two(tmp_path), calibration=pinhole(640, 480, fx=1, fy=1, cx=1, cy=1))


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    'encoding': ({'encoding': 'mono8'}, "'mono8' is not written; allowed: bgr8, rgb8"),
    'quality': ({'jpeg_quality': 0}, 'quality 0 is out of range; 1 to 100'),
    'start': ({'start_ns': -1}, 'before 1970'),
    'relative topic': ({'topic': 'image'}, 'must be absolute'),
    'topic that ends so': ({'topic': '/image/'}, 'must be absolute'),
    'one topic twice': ({'topic': '/a/label'}, 'must differ'),
}


@pytest.mark.parametrize('name', OPTIONS)
def test_options_are_checked(name: str) -> None:
    options, text = OPTIONS[name]
    with pytest.raises(ParameterError, match=text):
        ImageBagOptions(Path('x'), **options)


@pytest.mark.parametrize('rate', [0.0, -1.0, float('nan'), float('inf'), 1001.0])
def test_an_impossible_rate_is_refused(rate: float, tmp_path: Path) -> None:
    with pytest.raises(DrivsegError, match='is not possible; more than 0'):
        find_images(two(tmp_path), start_ns=0, rate_hz=rate)


def test_topics_stand_beside_the_image() -> None:
    options = ImageBagOptions(Path('x'), topic='/a/b/image/compressed', compressed=True)
    assert options.image_topic == '/a/b/image/compressed'
    assert (options.labels_on, options.camera_info_on) == ('/a/b/label', '/a/b/camera_info')
    options = ImageBagOptions(Path('x'), topic='/image', label_topic='/l', camera_info_topic='/c')
    assert (options.image_topic, options.labels_on, options.camera_info_on) == (
        '/image',
        '/l',
        '/c',
    )
    assert ImageBagOptions(Path('x'), topic='/image').labels_on == '/label'


def test_real_footage(tmp_path: Path, shared_data: Path) -> None:
    from drivseg_ros.bags.calibration import read_calibration

    drive = shared_data / 'drives/kitti_0005'
    found = find_images(drive, start_ns=0)
    assert len(found.images) == 154
    assert 15.7 < (found.stamps_ns[-1] - found.stamps_ns[0]) / 1e9 < 15.9
    camera = read_calibration(drive / 'calib_cam_to_cam.txt')
    assert (camera.width, camera.height, camera.k[0]) == (1242, 375, 721.5377)


def test_pictures_that_cannot_be_used_replace_no_bag(tmp_path: Path) -> None:
    fill(tmp_path / 'in', ['1.png'])
    options = ImageBagOptions(tmp_path / 'bag', overwrite=True)
    bag_from_images(find_images(tmp_path / 'in', start_ns=START_NS), options)
    before = {f.name: f.read_bytes() for f in (tmp_path / 'bag').iterdir()}
    (tmp_path / 'in' / '1.png').write_text('no picture')
    with pytest.raises(DataError):
        bag_from_images(find_images(tmp_path / 'in', start_ns=START_NS), options)
    assert {f.name: f.read_bytes() for f in (tmp_path / 'bag').iterdir()} == before
