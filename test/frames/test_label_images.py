# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.label_images import open_label
from drivseg_ros.frames.labels import Labels, plain_labels, ranges
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass

Image = pytest.importorskip('PIL.Image', reason='Pillow, the independent codec, is not installed')

RNG = np.random.default_rng(3)
IDS = RNG.integers(0, 19, (13, 21), dtype=np.uint8)
COLORS = RNG.integers(0, 256, (20, 3), dtype=np.uint8)


def palette_image(ids=IDS, colors=COLORS):
    image = Image.fromarray(ids).convert('P')
    image.putpalette(colors.tobytes())
    # Pillow's conversion may sort a palette anew; the indices are put in by hand.
    image.frombytes(ids.tobytes())
    return image


@pytest.mark.parametrize(
    ('image', 'options', 'expected'),
    [
        pytest.param(Image.fromarray(IDS), {}, IDS, id='grey'),
        pytest.param(palette_image(), {}, IDS, id='palette'),
        pytest.param(palette_image(IDS % 16), {'bits': 4}, IDS % 16, id='palette of 4 bits'),
        pytest.param(palette_image(IDS % 4), {'bits': 2}, IDS % 4, id='palette of 2 bits'),
        pytest.param(palette_image(), {'transparency': 3}, IDS, id='palette with transparency'),
        pytest.param(Image.fromarray(IDS), {'transparency': 3}, IDS, id='grey with transparency'),
        pytest.param(Image.fromarray(IDS % 2 == 1), {}, IDS % 2, id='1 bit'),
        pytest.param(Image.fromarray(IDS.astype(np.uint16)), {}, IDS, id='16 bits'),
    ],
)
def test_numbers_are_read_as_they_were_meant(tmp_path, image, options, expected):
    image.save(tmp_path / 'a.png', **options)
    ids = open_label(tmp_path / 'a.png').numbers()
    assert ids.dtype == np.uint8
    assert np.array_equal(ids, expected)


@pytest.mark.parametrize(
    ('image', 'suffix', 'expected'),
    [
        pytest.param(Image.fromarray(IDS), 'tif', IDS, id='grey tif'),
        pytest.param(Image.fromarray(IDS), 'bmp', IDS, id='grey bmp'),
        pytest.param(palette_image(), 'tif', IDS, id='palette tif'),
        pytest.param(palette_image(), 'bmp', IDS, id='palette bmp'),
        pytest.param(Image.fromarray(IDS % 2 == 1), 'tif', IDS % 2, id='1 bit tif'),
        pytest.param(Image.fromarray(IDS % 2 == 1), 'bmp', IDS % 2, id='1 bit bmp'),
        pytest.param(Image.fromarray(IDS.astype(np.uint16)), 'tif', IDS, id='16 bits'),
        pytest.param(Image.fromarray(IDS.astype(np.int32)), 'tif', IDS, id='32 bits'),
    ],
)
def test_tiff_and_bmp_hold_numbers_too(tmp_path, image, suffix, expected):
    image.save(tmp_path / f'a.{suffix}')
    assert np.array_equal(open_label(tmp_path / f'a.{suffix}').numbers(), expected)


@pytest.mark.parametrize('bits', [2, 4])
def test_few_bits_in_a_tiff(tmp_path, bits):
    ids = (IDS % 4)[:, : IDS.shape[1] // 8 * 8]
    rows = b''
    for row in ids:
        line = ''.join(format(int(value), f'0{bits}b') for value in row)
        rows += int(line, 2).to_bytes(len(line) // 8, 'big')
    tags = [
        (256, ids.shape[1]), (257, ids.shape[0]), (258, bits), (259, 1), (262, 1),
        (273, 8 + 2 + 8 * 12 + 4), (278, ids.shape[0]), (279, len(rows)),
    ]  # fmt: skip
    entries = b''.join(struct.pack('<HHII', tag, 4, 1, value) for tag, value in tags)
    data = b'II*\0' + struct.pack('<IH', 8, len(tags)) + entries + bytes(4) + rows
    (tmp_path / 'a.tif').write_bytes(data)
    assert np.array_equal(open_label(tmp_path / 'a.tif').numbers(), ids)


@pytest.mark.parametrize('orientation', [3, 6])
@pytest.mark.parametrize('suffix', ['png', 'tif'])
def test_labels_are_turned_like_pictures(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name, image in (('ids', Image.fromarray(IDS)), ('rgb', Image.fromarray(COLORS[IDS]))):
        image.save(tmp_path / f'{name}.{suffix}', exif=exif)
    turned = np.rot90(IDS, -1 if orientation == 6 else 2)
    assert np.array_equal(open_label(tmp_path / f'ids.{suffix}').numbers(), turned)
    assert np.array_equal(open_label(tmp_path / f'rgb.{suffix}').colors(), COLORS[turned])


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'P'])
def test_colours_are_read_as_they_look(tmp_path, mode):
    image = palette_image() if mode == 'P' else Image.fromarray(COLORS[IDS]).convert(mode)
    image.save(tmp_path / 'a.png')
    assert np.array_equal(open_label(tmp_path / 'a.png').colors(), COLORS[IDS])


def png(array):
    ok, data = cv2.imencode('.png', array)
    assert ok
    return data.tobytes()


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :]


def with_header(content):
    """A label whose header says something else; its checksums are right."""

    def chunk(kind, content):
        return (
            struct.pack('>I', len(content))
            + kind
            + content
            + struct.pack('>I', zlib.crc32(kind + content))
        )

    after = GREY.index(b'IDAT') - 4
    return GREY[:8] + chunk(b'IHDR', content) + GREY[after:]


GREY = png(IDS)
BROKEN = [
    pytest.param(b'', 'is no PNG', id='empty'),
    pytest.param(b'text', 'is no PNG', id='text'),
    pytest.param(GREY[: len(GREY) // 2], 'is cut off', id='half'),
    pytest.param(GREY[:-12], 'is cut off', id='no end'),
    pytest.param(flipped(GREY, 60), 'a checksum is wrong', id='a flipped byte'),
    pytest.param(with_header(b'abc'), 'header is too short', id='a short header'),
    pytest.param(
        with_header(struct.pack('>II5B', 100_000, 100_000, 8, 0, 0, 0, 0)),
        'said to have 100000x100000 pixels',
        id='a size that would fill the memory',
    ),
    pytest.param(
        with_header(struct.pack('>II5B', 0, 8, 8, 0, 0, 0, 0)), '0x8 pixels', id='no pixels'
    ),
]


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        *BROKEN,
        pytest.param(png(COLORS[IDS]), 'has RGB colours', id='colours'),
        pytest.param(png(np.zeros((3, 4, 4), np.uint8)), 'has RGBA colours', id='transparency'),
        pytest.param(png(np.full((3, 4), 26001, np.uint16)), 'numbers up to 26001', id='instances'),
    ],
)
def test_what_holds_no_class_ids_is_refused(tmp_path, data, message):
    path = tmp_path / 'a.png'
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as error:
        open_label(path).numbers()
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ('data', 'message'),
    [*BROKEN, pytest.param(png(np.zeros((3, 4, 3), np.uint16)), '16 bits a channel', id='deep')],
)
def test_what_holds_no_colours_is_refused(tmp_path, data, message):
    path = tmp_path / 'a.png'
    path.write_bytes(data)
    with pytest.raises(DataError, match=message):
        open_label(path).colors()


def test_a_missing_label_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match='cannot be read'):
        open_label(tmp_path / 'none.png')


def test_values_stand_for_classes(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.array([[0, 1, 2, 255]], np.uint8))
    labels = Labels('first', BDD100K_CLASSES, {0: 2, 1: 0, 2: 1})
    assert labels.read(tmp_path / 'a.png').tolist() == [[2, 0, 1, 255]]
    plain = plain_labels('own', BDD100K_CLASSES, unlabelled=(7,))
    assert (plain.values, plain.unlabelled) == ({0: 0, 1: 1, 2: 2}, (7, 255))


def test_stray_numbers_are_named_with_their_file_and_count(tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), np.array([[0, 1, 3, 3, 9]], np.uint8))
    with pytest.raises(DataError) as error:
        plain_labels('bdd100k', BDD100K_CLASSES).read(path)
    assert str(error.value) == (
        f"label '{path}' has stray values: 3 (2 pixels), 9 (1 pixel); bdd100k has 0 to 2, 255"
    )


CLASSES = tuple(ModelClass(i, name, (i, i, i)) for i, name in enumerate('abc'))


def test_colours_stand_for_classes(tmp_path):
    table = {(9, 8, 7): 1, (0, 0, 0): 255, (255, 0, 255): 0, (1, 0, 0): 2}
    rgb = np.array([list(table)], np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), np.ascontiguousarray(rgb[..., ::-1]))
    labels = Labels('colours', CLASSES, {}, table)
    assert labels.read(tmp_path / 'a.png').tolist() == [[1, 255, 0, 2]]


@pytest.mark.parametrize('colors', [(0, 2, 1), (2, 2, 2)])
def test_an_image_in_the_classes_own_colours_is_read_beside_ids(tmp_path, colors):
    """A set of ids may hold pictures for people as well; a palette's indices stay ids."""
    bgr = np.array([[BDD100K_CLASSES[i].color[::-1] for i in colors]], np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), bgr)
    labels = plain_labels('bdd100k', BDD100K_CLASSES)
    assert labels.read(tmp_path / 'a.png').tolist() == [list(colors)]
    palette_image(np.array([[1, 0, 2]], np.uint8)).save(tmp_path / 'b.png')
    assert labels.read(tmp_path / 'b.png').tolist() == [[1, 0, 2]]


def test_ids_in_three_channels_are_no_ids(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.ones((2, 2, 3), np.uint8))
    with pytest.raises(DataError, match=r'stray colours: \(1, 1, 1\) .4 pixels.; bdd100k has'):
        plain_labels('bdd100k', BDD100K_CLASSES).read(tmp_path / 'a.png')
    with pytest.raises(DataError, match='has RGB colours; one number a pixel'):
        Labels('no colours', CLASSES, {0: 0, 1: 1, 2: 2}).read(tmp_path / 'a.png')


def test_stray_colours_are_named_most_frequent_first(tmp_path):
    path = tmp_path / 'a.png'
    rgb = np.array([[(0, 0, 0), (1, 2, 3), (4, 5, 6), (4, 5, 6), (255, 255, 255)]], np.uint8)
    cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
    with pytest.raises(DataError) as error:
        Labels('one', CLASSES[:1], {}, {(0, 0, 0): 0}).read(path)
    assert 'stray colours: (4, 5, 6) (2 pixels), (1, 2, 3) (1 pixel), (255, 255, 255)' in str(
        error.value
    )


def test_many_stray_values_are_cut_short(tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), np.arange(100, 120, dtype=np.uint8)[None])
    with pytest.raises(DataError, match=r'107 \(1 pixel\) and 12 more; bdd100k has'):
        plain_labels('bdd100k', BDD100K_CLASSES).read(path)


@pytest.mark.parametrize('values', [{256: 0}, {-1: 0}])
def test_impossible_values_are_refused(values):
    with pytest.raises(ParameterError, match='0 to 255 are allowed'):
        Labels('x', CLASSES[:1], values)


def test_ranges():
    assert ranges([0, 1, 2, 4, 6, 7, 255]) == '0 to 2, 4, 6 to 7, 255'
