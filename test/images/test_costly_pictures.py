# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files that cost a decoder more than their bytes are worth; grey pictures of mosaics."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from drivseg_ros.errors import ImageError
from drivseg_ros.images.codec import decode_image, image_fields
from drivseg_ros.images.compression import decode_picture, encode_jpeg, encode_png

Image = get_typestore(Stores.ROS2_JAZZY).types['sensor_msgs/msg/Image']
GRAY = np.random.default_rng(0).integers(0, 256, (48, 64), np.uint8)


def test_a_grey_picture_made_of_a_mosaic_stays_grey() -> None:
    """As ROS 2's compressed_image_transport sends a bayer_rggb8 image."""
    stripes = np.tile(np.array([[0, 0, 0, 255, 255, 255, 0, 0]], np.uint8), (8, 1))
    found = decode_picture(encode_png(stripes), image_format='bayer_rggb8; jpeg compressed mono8')
    assert (found == stripes[..., None]).all()
    mosaic = decode_picture(
        encode_png(stripes), image_format='bayer_rggb8; png compressed bayer_rggb8'
    )
    assert not (mosaic == stripes[..., None]).all()


def claiming(width: int, height: int, codec: str) -> bytes:
    """A small file whose header claims another size."""
    small = np.full((64, 64, 3), 128, np.uint8)
    if codec == 'png':
        file = bytearray(encode_png(small))
        struct.pack_into('>II', file, 16, width, height)
        struct.pack_into('>I', file, 29, zlib.crc32(file[12:29]))
        return bytes(file)
    file = bytearray(encode_jpeg(small))
    struct.pack_into('>HH', file, file.find(b'\xff\xc0') + 5, height, width)
    return bytes(file)


@pytest.mark.parametrize('codec', ['jpeg', 'png'])
def test_few_bytes_that_claim_many_pixels_are_refused(codec: str) -> None:
    with pytest.raises(ImageError, match='claims 16384 x 3000 pixels') as caught:
        decode_picture(claiming(16384, 3000, codec))
    assert caught.value.kind == 'size'


@pytest.mark.parametrize('codec', ['jpeg', 'png'])
def test_a_picture_of_one_colour_holds_its_pixels(codec: str) -> None:
    plain = np.full((2000, 3000, 3), 128, np.uint8)
    file = encode_jpeg(plain, quality=1) if codec == 'jpeg' else encode_png(plain)
    assert decode_picture(file).shape == (2000, 3000, 3)
    progressive = cv2.imencode('.jpg', plain, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert decode_picture(progressive).shape == (2000, 3000, 3)


def test_a_jpeg_of_absurdly_many_scans_is_refused() -> None:
    file = cv2.imencode('.jpg', GRAY, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = file.rfind(b'\xff\xda')
    bomb = file[:-2] + file[last:-2] * 200 + file[-2:]
    with pytest.raises(ImageError, match='scans; at most 100 scans are allowed'):
        decode_picture(bomb)


def test_the_larger_the_picture_the_fewer_scans_it_may_have() -> None:
    """Each scan is a walk over all pixels: 100 of 7000 x 7000 take more than a second."""
    file = cv2.imencode('.jpg', GRAY, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = file.rfind(b'\xff\xda')
    bomb = bytearray(file[:-2] + file[last:-2] * 30 + bytes(100_000) + file[-2:])
    struct.pack_into('>HH', bomb, bomb.find(b'\xff\xc2') + 5, 7000, 7000)
    with pytest.raises(ImageError, match=r'7000 x 7000 pixels in .* scans; at most 20 scans are'):
        decode_picture(bytes(bomb))


@pytest.mark.parametrize('codec', ['jpeg', 'png', 'raw'])
def test_more_pixels_than_are_to_be_decoded_are_refused_by_the_header(codec: str) -> None:
    picture = np.zeros((30, 40, 3), np.uint8)

    def decode(max_pixels: int) -> np.ndarray:
        if codec == 'raw':
            message = Image(None, **image_fields(picture, encoding='rgb8'))
            return decode_image(message, max_pixels=max_pixels)
        file = encode_jpeg(picture) if codec == 'jpeg' else encode_png(picture)
        return decode_picture(file, max_pixels=max_pixels)

    assert decode(1200).shape == picture.shape
    with pytest.raises(
        ImageError, match=r'40 x 30 pixels is too large.* 0\.001199 million'
    ) as caught:
        decode(1199)
    assert caught.value.kind == 'size'


@pytest.mark.parametrize('codec', ['jpeg', 'png'])
def test_fifty_million_pixels_are_the_limit_unless_somebody_says_otherwise(codec: str) -> None:
    with pytest.raises(ImageError, match=r'10000 x 5001 pixels is too large.* 50 million pixels'):
        decode_picture(claiming(10000, 5001, codec))
    with pytest.raises(ImageError, match='claims 10000 x 5000 pixels'):
        decode_picture(claiming(10000, 5000, codec))


def test_a_png_whose_first_chunk_is_not_its_header_is_refused() -> None:
    file = encode_png(GRAY)
    chunk = b'abCd' + struct.pack('>II', 64, 64) + b'\0' * 5
    fake = struct.pack('>I', len(chunk) - 4) + chunk + struct.pack('>I', zlib.crc32(chunk))
    with pytest.raises(ImageError, match='damaged'):
        decode_picture(file[:8] + fake + file[8:])
