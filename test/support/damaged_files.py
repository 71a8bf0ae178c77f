# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files of every kind that is read, damaged by chance, and what reading them comes to."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bag_files import samples, write_rosbag1, write_rosbag2
from evaluation_cases import random_pair, result_of
from tiny_model import write_tiny_model

from drivseg_ros.bags.custom_data import read_custom_data
from drivseg_ros.bags.reader import BagReader, _warn_once
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.base.share import share_directory
from drivseg_ros.engines.plan_cache import PlanCache, PlanKey, read_plan
from drivseg_ros.errors import DrivsegError
from drivseg_ros.evaluation.evaluation_file import describe, evaluation_text, read_evaluation
from drivseg_ros.frames.attributes import read_attributes
from drivseg_ros.frames.known_labels import read_labels
from drivseg_ros.images.files import read_image
from drivseg_ros.lab.importing.card_file import read_card
from drivseg_ros.model.file import read_model_file

_VALUES = (
    0,
    1,
    2,
    4,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63,
    2**64 - 1,
)
_WORDS = (
    *(
        b'[' * 50,
        b'{',
        b'}',
        b'"',
        b"'",
        b':',
        b'- ',
        b'*a ',
        b'&a ',
        b'<<: ',
        b'!!python/x ',
        b'\n',
    ),
    *(
        b'1e999999999',
        b'-1',
        b'9' * 5000,
        b'NaN',
        b'null',
        b'~',
        b'1/0',
        b'\0',
        b'\xff',
        b'\x1b[31m',
    ),
    *(b'[]', b'{}', b'true', b'../../x', b'2026-01-02', b'!!binary aGk=', b'0x' + b'f' * 99),
)


@dataclass(frozen=True)
class Kind:
    """A kind of files.

    Attributes:
        name: of the kind.
        suffix: of its files.
        whole: files that are right.
        read: reads one, and gives all that it holds.
        checksum: whether the format has a checksum of what it holds.
        words: whether the files are texts.
    """

    name: str
    suffix: str
    whole: tuple[bytes, ...]
    read: Callable[[Path], Any]
    checksum: bool = False
    words: bool = False


@dataclass
class Outcome:
    """What became of damaged files of one kind.

    Attributes:
        count: by what it was: 'refused'; 'warned' (what there is was read, and the damage said);
            'same' (as if it was whole); 'changed' without a word.
        foreign: exceptions that are none of ours, as text, and the number of the file.
        slowest_s: the longest that one took.
        slowest: the number of that file.
    """

    count: Counter[str] = field(default_factory=Counter)
    foreign: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: int = 0


def try_damaged(kind: Kind, numbers: range, folder: Path, *, seed: int) -> Outcome:
    """Reads damaged files.

    Args:
        kind: the kind.
        numbers: of the files; the same number and seed give the same file.
        folder: where they are written.
        seed: of all.
    """
    outcome = Outcome()
    warnings: list[logging.LogRecord] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = warnings.append  # type: ignore[method-assign]
    log = logging.getLogger('drivseg_ros')
    log.addHandler(handler)
    path = folder / f'damaged{kind.suffix}'
    whole = []
    for content in kind.whole:
        path.write_bytes(content)
        whole.append(_digest(kind.read(path)))
    for number in numbers:
        which, content = damage(kind, number, seed=seed)
        path.write_bytes(content)
        started_s = time.monotonic()
        warnings.clear()
        _warn_once.cache_clear()
        try:
            read = _digest(kind.read(path))
            changed = 'warned' if warnings else 'changed'
            outcome.count['same' if read == whole[which] else changed] += 1
        except DrivsegError:
            outcome.count['refused'] += 1
        except Exception as error:
            outcome.foreign.append(f'{kind.name} {number} (seed {seed}): {error!r}')
        seconds = time.monotonic() - started_s
        if seconds > outcome.slowest_s:
            outcome.slowest_s, outcome.slowest = seconds, number
    log.removeHandler(handler)
    return outcome


def damage(kind: Kind, number: int, *, seed: int) -> tuple[int, bytes]:
    """Which of the whole files was taken, and what became of it."""
    random = np.random.default_rng([seed, number, int.from_bytes(kind.name.encode()[:6], 'big')])
    which = int(random.integers(len(kind.whole)))
    content = bytearray(kind.whole[which])
    for _ in range(int(random.choice([1, 1, 1, 2, 4]))):
        at = int(random.integers(len(content) + 1))
        to = min(len(content), at + int(random.choice([1, 4, 30, 300])))
        match int(random.integers(8 if kind.words else 7)):
            case 0 if at < len(content):
                content[at] ^= 1 << int(random.integers(8))
            case 1:
                content[at:to] = random.bytes(to - at)
            case 2:
                del content[at:]
            case 3:
                del content[at:to]
            case 4:
                content[at:at] = content[at:to]
            case 5:
                value = int(random.choice(np.array(_VALUES, object)))
                width = int(random.choice([1, 2, 4, 8]))
                form = ('<' if random.integers(2) else '>') + {1: 'B', 2: 'H', 4: 'I', 8: 'Q'}[
                    width
                ]
                content[at : at + width] = struct.pack(form, value & (2 ** (8 * width) - 1))
            case 6:
                other = kind.whole[int(random.integers(len(kind.whole)))]
                content[at:to] = other[at:to][::-1]
            case _:
                content[at:to] = _WORDS[int(random.integers(len(_WORDS)))]
    return which, bytes(content)


def kinds(folder: Path) -> Iterator[Kind]:
    """Every kind, with files that are right."""
    yield from _bags(folder)
    yield from _pictures()
    tiny = write_tiny_model(folder / 'tiny.onnx').read_bytes()
    yield Kind('network', '.onnx', (tiny,), _read_model)
    plans = PlanCache(folder / 'plans')
    key = PlanKey('ab' * 32, 'numpy', '1.2.3', 'a device', 'fp16', 1, 3, 48, 64, '/models/net.onnx')
    plan = plans.store(key, bytes(range(256)) * 4)
    yield Kind('plan', '.plan', (plan.read_bytes(),), _read_plan, checksum=True)
    yield from _texts()
    try:
        from checkpoints import write_random_checkpoint
    except ImportError:
        return  # torch is not installed
    checkpoint = write_random_checkpoint(folder / 'random.safetensors')
    # Its tensors are opaque here, as for the node: the header is what is read.
    content = checkpoint.read_bytes()
    header = content[: 8 + int.from_bytes(content[:8], 'little')]
    yield Kind('checkpoint', '.safetensors', (header,), _read_model)


def _bags(folder: Path) -> Iterator[Kind]:
    with BagWriter(folder / 'ours') as writer:
        for sample in samples(4):
            if sample.topic not in writer.counts:
                writer.add_topic(sample.topic, sample.msgtype)
            writer.write(sample.topic, sample.time_ns, sample.data)
    (ours,) = (folder / 'ours').glob('*.mcap')
    yield Kind('bag mcap', '.mcap', (ours.read_bytes(),), _read_bag, checksum=True)
    theirs = []
    for form in ('none', 'storage'):
        (path,) = write_rosbag2(folder / form, samples(4), compression=form).glob('*.mcap')
        theirs.append(path.read_bytes())
    yield Kind('bag mcap of rosbags', '.mcap', tuple(theirs), _read_bag)  # it writes no checksum
    (path,) = write_rosbag2(folder / 'db3', samples(3), storage='sqlite3').glob('*.db3')
    yield Kind('bag db3', '.db3', (path.read_bytes(),), _read_bag)
    old = [
        write_rosbag1(folder / f'{form}.bag', samples(3), compression=form).read_bytes()
        for form in ('none', 'lz4', 'bz2')
    ]
    yield Kind('bag of ROS 1', '.bag', tuple(old), _read_bag)
    shutil.copytree(folder / 'none', folder / 'damaged')
    metadata = (folder / 'none/metadata.yaml').read_bytes()
    read = lambda path: _read_bag(path.parent)  # noqa: E731
    yield Kind('metadata', '/metadata.yaml', (metadata,), read, words=True)


def _pictures() -> Iterator[Kind]:
    picture = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8), (5, 5), 2
    )

    def encoded(suffix: str, *options: int) -> bytes:
        return cv2.imencode(suffix, picture, list(options))[1].tobytes()

    jpegs = (encoded('.jpg'), encoded('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1))
    yield Kind('jpeg', '.jpg', jpegs, read_image)
    yield Kind('png', '.png', (encoded('.png'),), read_image, checksum=True)
    for suffix in ('bmp', 'tif', 'webp'):
        yield Kind(suffix, f'.{suffix}', (encoded(f'.{suffix}'),), read_image)


def _texts() -> Iterator[Kind]:
    folder = share_directory() / 'config'
    cards = tuple(p.read_bytes() for p in sorted((folder / 'import').glob('*.yaml')))
    yield Kind('import card', '.yaml', cards, read_card, words=True)
    labels = (
        b'classes:\n- {name: road, values: [0, 1], role: road, color: [1, 2, 3]}\n'
        b'- {name: rest, values: [2], color: [4, 5, 6]}\n'
    )
    yield Kind('label map', '.yaml', (labels,), read_labels, words=True)
    attributes = b'a: {weather: rain, timeofday: night}\nb: {weather: clear}\n'
    yield Kind('attributes', '.yaml', (attributes,), read_attributes, words=True)
    content = describe(result_of([random_pair(1), random_pair(2)]), command='x')
    text = evaluation_text(content).encode()
    yield Kind('evaluation', '.json', (text,), _read_evaluation, words=True)


def _read_bag(path: Path) -> Any:
    with BagReader(path) as reader:
        read = []
        for message in reader.messages():
            _ = message.header_stamp_ns, message.message
            read.append((message.topic, message.msgtype, message.time_ns, message.data))
        custom = read_custom_data(path)
        topics = [(t.name, t.msgtype, t.count) for t in reader.topics.values()]
        return read, topics, custom


def _read_model(path: Path) -> Any:
    model = read_model_file(path)
    return model.card.to_json(), model.batch, model.has_confidence, model.architecture


def _read_plan(path: Path) -> Any:
    try:
        return read_plan(path)[1]  # its hash is that of the payload
    except ValueError as error:  # what it says it raises; the cache makes a new one
        raise DrivsegError(str(error)) from None


def _read_evaluation(path: Path) -> Any:
    return json.dumps(describe(read_evaluation(path), command='x'), default=str)


def _digest(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f'{value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}'
    return hashlib.sha256(repr(value).encode(errors='replace')).hexdigest()
