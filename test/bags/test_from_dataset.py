# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from dataset_folders import HEIGHT, NAMES, WIDTH, encoded, label, picture, write_dataset_folder
from rosbags import rosbag2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from drivseg_ros.bags.dataset_info import read_dataset_info, read_frame_names
from drivseg_ros.bags.from_dataset import bag_from_dataset
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.bags.reader import BagMessage, BagReader
from drivseg_ros.errors import BagError, DataError, ParameterError
from drivseg_ros.frames.paired_files import drives_of
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.images.codec import decode_compressed_image, decode_image, decode_labels
from drivseg_ros.model.card import BDD100K_CLASSES

START_NS = 1_700_000_000_000_000_000
# As vision_msgs 4.1.1 has them.
VISION_MSGS = {
    'VisionClass': 'uint16 class_id\nstring class_name\n',
    'LabelInfo': 'std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n',
}
STORES = {'Jazzy': Stores.ROS2_JAZZY, 'Kilted': Stores.ROS2_KILTED}


def make(
    tmp_path: Path, dataset: Any, *, rate_hz: float = 10.0, size: Any = None, **options: Any
) -> dict[str, list[BagMessage]]:
    chosen = ImageBagOptions(tmp_path / 'bag', **options)
    made = bag_from_dataset(dataset, chosen, rate_hz=rate_hz, size=size)
    with BagReader(tmp_path / 'bag') as reader:
        assert reader.unfinished == ''
        assert {t.name: t.count for t in reader.topics.values()} == made.counts
        return {t: list(reader.messages([t])) for t in reader.topics}


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8'])
@pytest.mark.parametrize('distribution', STORES)
def test_a_reader_that_is_not_ours_finds_frames_labels_and_names(
    distribution: str, encoding: str, storage: str, tmp_path: Path
) -> None:
    dataset = open_dataset('folder', write_dataset_folder(tmp_path / 'set'))
    options = ImageBagOptions(
        tmp_path / 'bag', topic='/cam/left', frame_id='left', encoding=encoding, storage=storage
    )
    bag_from_dataset(dataset, options, rate_hz=30.0)
    store = get_typestore(STORES[distribution])
    for name, text in VISION_MSGS.items():
        store.register(get_types_from_msg(text, f'vision_msgs/msg/{name}'))
    found: dict[str, list[Any]] = {'/cam/left': [], '/cam/label': [], '/cam/name': []}
    with rosbag2.Reader(tmp_path / 'bag') as reader:
        for connection, time_ns, data in reader.messages():
            message = store.deserialize_cdr(data, connection.msgtype)
            if connection.topic == '/cam/label_info':
                names = {c.class_id: c.class_name for c in message.class_map}
                assert names == {c.id: c.name for c in BDD100K_CLASSES}
                assert (time_ns, message.threshold) == (START_NS, 0)
                assert connection.ext.offered_qos_profiles[0].durability.name == 'TRANSIENT_LOCAL'
                continue
            header = message if connection.topic == '/cam/name' else message.header
            assert header.stamp.sec * 10**9 + header.stamp.nanosec == time_ns
            found[connection.topic].append((time_ns - START_NS, message))
    stamps = [0, 33_333_333, 66_666_667, 100_000_000, 133_333_333]
    assert all([s for s, _ in messages] == stamps for messages in found.values())
    assert tuple(m.frame_id for _, m in found['/cam/name']) == NAMES
    for i, (_, image) in enumerate(found['/cam/left']):
        assert (image.encoding, image.header.frame_id) == (encoding, 'left')
        file = next((tmp_path / 'set' / 'images').glob(f'{NAMES[i]}.*'))
        wanted = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
        got = image.data.reshape(HEIGHT, WIDTH, 3)
        assert (got == (wanted if encoding == 'bgr8' else wanted[..., ::-1])).all()
    for i, (_, ids) in enumerate(found['/cam/label']):
        assert (ids.encoding, ids.header.frame_id) == ('mono8', 'left')
        assert (ids.data.reshape(HEIGHT, WIDTH) == label(i)).all()
    info = read_dataset_info(tmp_path / 'bag')
    assert info is not None
    assert (info.name, info.identity) == (dataset.name, dataset.identity)
    assert info.classes == BDD100K_CLASSES
    assert (info.image_topic, info.label_topic, info.name_topic) == tuple(found)


def test_drives_lie_beside_the_names(tmp_path: Path) -> None:
    dataset = open_dataset('folder', write_dataset_folder(tmp_path / 'set'), group='frame|.*')
    topics = make(tmp_path, dataset)
    assert [m.message.frame_id for m in topics['/camera/drive']] == [*['frame'] * 3, *NAMES[3:]]
    info = read_dataset_info(tmp_path / 'bag')
    assert info is not None
    assert info.drive_topic == '/camera/drive'
    with BagReader(tmp_path / 'bag') as reader:
        stamps = read_frame_names(reader, info.drive_topic).keys()
    assert list(stamps) == [m.header_stamp_ns for m in topics['/camera/label']]


@pytest.mark.parametrize('compressed', [False, True])
def test_rclpy_decodes_what_is_written(compressed: bool, tmp_path: Path) -> None:
    from rclpy.serialization import deserialize_message
    from sensor_msgs.msg import CompressedImage, Image
    from std_msgs.msg import Header

    dataset = open_dataset('folder', write_dataset_folder(tmp_path / 'set'))
    topics = make(tmp_path, dataset, compressed=compressed)
    images = topics['/camera/image_raw' + '/compressed' * compressed]
    for i, (image, ids, name) in enumerate(
        zip(images, topics['/camera/label'], topics['/camera/name'], strict=True)
    ):
        sample = dataset[i]
        if compressed:
            rgb = decode_compressed_image(deserialize_message(image.data, CompressedImage))
        else:
            rgb = decode_image(deserialize_message(image.data, Image))
        assert (rgb == sample.image).all()
        assert (decode_labels(deserialize_message(ids.data, Image)) == sample.label).all()
        assert deserialize_message(name.data, Header).frame_id == sample.name


def test_files_are_passed_on_as_they_are(tmp_path: Path) -> None:
    root = write_dataset_folder(tmp_path / 'set')
    # Others than OpenCV would stumble over these two, so they are encoded again.
    deep = (picture(7).astype(np.uint16) << 8) + 40
    glass = np.dstack([picture(8), np.full((HEIGHT, WIDTH), 9, np.uint8)])
    files = {'x deep': encoded('.png', deep), 'x glass': encoded('.png', glass)}
    files['x grey'] = encoded('.png', picture(9)[..., 0])
    for name, data in files.items():
        (root / 'images' / f'{name}.png').write_bytes(data)
        (root / 'labels' / f'{name}.png').write_bytes(encoded('.png', label(0)))
    dataset = open_dataset('folder', root)
    topics = make(tmp_path, dataset, compressed=True)
    formats = {}
    for i, message in enumerate(topics['/camera/image_raw/compressed']):
        name, content = dataset.names[i], message.message
        formats[name] = content.format
        (file,) = (root / 'images').glob(f'{name}.*')
        passed = content.data.tobytes() == file.read_bytes()
        assert passed == (name not in ('x deep', 'x glass')), name
        assert (decode_compressed_image(content) == dataset[i].image).all(), name
    assert formats == {
        'frame 2': 'rgb8; png compressed bgr8',
        'frame 9': 'rgb8; jpeg compressed bgr8',
        'frame 10': 'rgb8; png compressed bgr8',
        'grey': 'mono8; jpeg compressed ',
        'x deep': 'rgb8; png compressed bgr8',
        'x glass': 'rgb8; png compressed bgr8',
        'x grey': 'mono8; png compressed ',
        'über.größe': 'rgb8; png compressed bgr8',
    }


@pytest.mark.parametrize('compressed', [False, True])
def test_frames_are_resized_and_labels_take_the_nearest(compressed: bool, tmp_path: Path) -> None:
    dataset = open_dataset('folder', write_dataset_folder(tmp_path / 'set'))
    topics = make(tmp_path, dataset, size=(WIDTH // 2, HEIGHT // 2), compressed=compressed)
    images = topics['/camera/image_raw' + '/compressed' * compressed]
    for i, (image, ids) in enumerate(zip(images, topics['/camera/label'], strict=True)):
        rgb = (decode_compressed_image if compressed else decode_image)(image.message)
        pixels = dataset[i].image.astype(float)
        wanted = pixels.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean((1, 3))
        exact = not compressed or NAMES[i] not in ('frame 9', 'grey')
        assert abs(rgb - wanted).max() <= (0.5 if exact else 40)
        # Of two that are equally near, OpenCV takes the later one; old versions take the earlier.
        found, label = decode_labels(ids.message), dataset[i].label
        assert any(np.array_equal(found, label[k::2, k::2]) for k in (0, 1))


def test_a_size_that_frames_have_leaves_their_files_alone(tmp_path: Path) -> None:
    root = write_dataset_folder(tmp_path / 'set')
    topics = make(tmp_path, open_dataset('folder', root), size=(WIDTH, HEIGHT), compressed=True)
    data = topics['/camera/image_raw/compressed'][1].message.data.tobytes()
    assert data == (root / 'images' / 'frame 9.jpg').read_bytes()


def picture_file(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(path.suffix, pixels))


def bdd100k(root: Path) -> Any:
    for part in ('train', 'val'):
        picture_file(root / f'images/100k/{part}/{part}-1.jpg', picture(1))
        picture_file(root / f'labels/drivable/masks/{part}/{part}-1.png', label(1))
    return open_dataset('bdd100k', root, part='val')


def cityscapes(root: Path) -> Any:
    picture_file(root / 'leftImg8bit/val/ulm/ulm_000000_000001_leftImg8bit.png', picture(1))
    ids = np.where(label(1) == 255, 0, label(1) + 7).astype(np.uint8)
    picture_file(root / 'gtFine/val/ulm/ulm_000000_000001_gtFine_labelIds.png', ids)
    return open_dataset('cityscapes', root, part='val')


def kitti_road(root: Path) -> Any:
    colors = np.array([[0, 0, 255], [255, 0, 255], [0, 0, 0]], np.uint8)  # BGR
    picture_file(root / 'training/image_2/um_000000.png', picture(1))
    ids = colors[np.where(label(1) == 255, 2, label(1) % 2)]
    picture_file(root / 'training/gt_image_2/um_road_000000.png', ids)
    return open_dataset('kitti_road', root)


def camvid(root: Path) -> Any:
    picture_file(root / 'val/0016E5_07959.png', picture(1))
    picture_file(root / 'valannot/0016E5_07959.png', np.where(label(1) == 255, 11, label(1)))
    return open_dataset('camvid_segnet', root, part='val')


def video(root: Path) -> Any:
    root.mkdir()
    writer = cv2.VideoWriter(str(root / 'a.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 5, (32, 24))
    for i in range(3):
        writer.write(picture(i))
    writer.release()
    return open_dataset('unlabelled', root / 'a.avi', every=2)


def pictures(root: Path) -> Any:
    picture_file(root / 'b.jpg', picture(1))
    picture_file(root / 'a.png', picture(2))
    return open_dataset('unlabelled', root)


KINDS: dict[str, tuple[Callable[[Path], Any], bool]] = {
    'bdd100k': (bdd100k, True),
    'cityscapes': (cityscapes, True),
    'kitti_road': (kitti_road, True),
    'camvid_segnet': (camvid, True),
    'scenes': (lambda root: open_dataset('scenes', width=64, height=48, limit=2), True),
    'unlabelled pictures': (pictures, False),
    'unlabelled video': (video, False),
}


@pytest.mark.parametrize('compressed', [False, True])
@pytest.mark.parametrize('kind', KINDS)
def test_every_kind_becomes_a_bag(kind: str, compressed: bool, tmp_path: Path) -> None:
    prepare, labelled = KINDS[kind]
    dataset = prepare(tmp_path / 'set')
    topics = make(tmp_path, dataset, compressed=compressed)
    image_topic = '/camera/image_raw' + '/compressed' * compressed
    drives = drives_of(dataset)
    assert set(topics) == {
        image_topic,
        '/camera/name',
        *(['/camera/label', '/camera/label_info'] if labelled else []),
        *(['/camera/drive'] if drives else []),
    }
    assert bool(drives) == (kind in ('bdd100k', 'cityscapes', 'kitti_road', 'camvid_segnet'))
    with BagReader(tmp_path / 'bag') as reader:
        names = read_frame_names(reader, '/camera/name')
    assert tuple(names.values()) == dataset.names
    lossy = compressed and kind in ('scenes', 'unlabelled video')
    for i, message in enumerate(topics[image_topic]):
        rgb = (decode_compressed_image if compressed else decode_image)(message.message)
        sample = dataset[i]
        wanted = sample.image
        if lossy:
            jpeg = cv2.imencode('.jpg', wanted[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
            wanted = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1]
        assert (rgb == wanted).all()
        if labelled:
            ids = decode_labels(topics['/camera/label'][i].message)
            assert (ids == sample.label).all()
    info = read_dataset_info(tmp_path / 'bag')
    assert info is not None
    assert info.classes == dataset.classes
    assert info.label_topic == ('/camera/label' if labelled else '')


def cut_image(root: Path) -> None:
    file = root / 'images' / 'frame 9.jpg'
    file.write_bytes(file.read_bytes()[:-9])


def other_size(root: Path) -> None:
    (root / 'labels' / 'frame 9.png').write_bytes(encoded('.png', label(1, width=16)))


def stray(root: Path) -> None:
    (root / 'labels' / 'frame 9.png').write_bytes(encoded('.png', label(1) // 2 + 7))


TROUBLES: dict[str, tuple[Callable[[Path], None], dict[str, Any], type[Exception], str]] = {
    'a cut image': (cut_image, {}, DataError, r'frame 9\.jpg. cannot be used: .* ends too early'),
    'a cut image, passed on': (
        cut_image,
        {'compressed': True},
        DataError,
        r'frame 9\.jpg. cannot be',
    ),
    'a label of another size': (other_size, {}, DataError, r'must have one size'),
    'the same, passed on': (other_size, {'compressed': True}, DataError, r'must have one size'),
    'a stray id': (stray, {}, DataError, r'has stray values'),
    'no rate': (lambda root: None, {'rate_hz': 0.0}, ParameterError, 'rate of 0.0 Hz'),
    'no size': (lambda root: None, {'size': (0, 5)}, ParameterError, '0x5 is not possible'),
    'a huge size': (lambda root: None, {'size': (5, 99999)}, ParameterError, '1 to 16384 pixels'),
    'no such storage': (
        lambda root: None,
        {'storage': 'rocksdb'},
        ParameterError,
        "'rocksdb' is not written; allowed: mcap, sqlite3",
    ),
    'names among labels': (
        lambda root: None,
        {'name_topic': '/camera/label'},
        ParameterError,
        'name topics must differ',
    ),
}


@pytest.mark.parametrize('name', TROUBLES)
def test_what_does_not_fit_is_an_error(name: str, tmp_path: Path) -> None:
    spoil, options, error, text = TROUBLES[name]
    root = write_dataset_folder(tmp_path / 'set')
    spoil(root)
    with pytest.raises(error, match=text):
        make(tmp_path, open_dataset('folder', root), **options)
    assert not (tmp_path / 'bag').exists()


def test_names_are_looked_for_where_names_are(tmp_path: Path) -> None:
    make(tmp_path, open_dataset('folder', write_dataset_folder(tmp_path / 'set')))
    with (
        BagReader(tmp_path / 'bag') as reader,
        pytest.raises(BagError, match="frames' names are std_msgs/msg/Header"),
    ):
        read_frame_names(reader, '/camera/label')
