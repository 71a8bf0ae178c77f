# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a command leaves, as plain data that is the same on every machine."""

from __future__ import annotations

import json
import math
import re
import shlex
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
from command_line import drivseg

from drivseg_ros.bags.reader import BagReader
from drivseg_ros.model.file import read_model_file

# By the kind of a JSON file: the numbers that are kept, as paths, `!` before those that are not.
# Of files of other kinds, the keys.
NUMBERS = {
    'drivseg evaluation': (
        'metrics.*.value', '!*precision*', '!*recall*', '!*boundary_iou/*', '!*time_*',
        '!*latency_*', '!*age_p95*', '!*memory_mib*', 'ledger.offered',
        'ledger.failed', 'ledger.unlabelled', 'ledger.unmatched_labels',
        'confusion_matrix.pixels', 'checks.*.passed',
    ),
    'parity': (
        'verdict', 'rows.*.verdict', 'rows.*.metrics.*iou*', 'rows.*percent', 'rows.*points',
    ),
    'comparison': (
        'data.*.frames', 'rows.*.title', 'rows.*.problem', 'rows.*.accuracy.*iou*',
        'rows.*.accuracy.*.by_role.*', 'rows.*.accuracy.*.pixel_accuracy',
    ),
    'bench engine': ('rows.*.engine.engine', 'rows.*.engine.device'),
    'folder': ('ok', 'total.*'),
}  # fmt: skip


def run_line(line: str) -> subprocess.CompletedProcess[str]:
    """Runs a line like `drivseg bag info BAG > FILE` in this process."""
    words = shlex.split(line)[1:]
    target = None
    if '>' in words:
        target = Path(words[words.index('>') + 1])
        words = words[: words.index('>')]
    done = drivseg(*words)
    if target is not None:
        target.write_text(done.stdout)
    return done


def observe(folder: Path, *, counts: bool = True) -> dict[str, Any]:
    """All files in a folder, `in` and the logs aside, and what is in them.

    Args:
        folder: where the commands ran.
        counts: whether it is the same in each run how many messages there are.
    """
    found: dict[str, Any] = {}
    for path in _files(folder):
        name = re.sub(r'[0-9a-f]{16,}', 'HASH', str(path.relative_to(folder)))
        if not counts and path.suffix == '.json':
            found[name] = _live(json.loads(path.read_text()))
        else:
            found[name] = _look_at(path, counts=counts)
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name == 'in' or path.suffix == '.log':
            continue
        if path.is_dir() and not (path / 'metadata.yaml').exists():
            yield from _files(path)
        else:
            yield path


def _look_at(path: Path, *, counts: bool) -> Any:
    if path.is_dir():
        return _bag(path, counts=counts)
    if path.suffix == '.json':
        return _numbers(json.loads(path.read_text()))
    if path.suffix in ('.png', '.jpg'):
        return _picture(path)
    if path.suffix in ('.mp4', '.avi'):
        return _video(path)
    if path.suffix == '.onnx':
        card = read_model_file(path).card
        classes = ', '.join(f'{c.id} {c.name} {c.role.value}' for c in card.classes)
        return f'{card.input_width}x{card.input_height} {card.precision}: {classes}'
    if path.suffix == '.npz':
        return {name: ' x '.join(map(str, array.shape)) for name, array in np.load(path).items()}
    if path.suffix == '.xml':
        suites = ElementTree.parse(path).iter('testsuite')
        return [f'{s.get("tests")} tests, {s.get("failures")} failures' for s in suites]
    return 'is there'


def _bag(path: Path, *, counts: bool) -> dict[str, str]:
    found = {}
    with BagReader(path) as reader:
        ids: dict[str, np.ndarray] = {}
        for message in reader.messages():
            content = message.message
            if getattr(content, 'encoding', '') == 'mono8':
                pixels = np.bincount(np.asarray(content.data), minlength=256)
                ids[message.topic] = ids.get(message.topic, 0) + pixels
        for topic in sorted(reader.topics.values(), key=lambda t: t.name):
            text = topic.msgtype
            if counts:
                text += f' x {topic.count}'
                if topic.name in ids:
                    text += f', {_share(ids[topic.name])}'
            found[topic.name] = text
    return found


def _share(pixels: np.ndarray) -> str:
    present = np.flatnonzero(pixels)
    if len(present) > 8:
        return f'{len(present)} values'
    return 'pixels ' + ', '.join(f'{i}: {pixels[i]}' for i in present)


def _picture(path: Path) -> str:
    data = path.read_bytes()
    if b'matplotlib' in data[:200]:  # fonts differ from machine to machine
        return 'a plot'
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    size = f'{picture.shape[1]}x{picture.shape[0]}'
    if picture.ndim == 3:
        return f'{size} in colour'
    return f'{size}, {_share(np.bincount(picture.ravel(), minlength=256))}'


def _video(path: Path) -> str:
    capture = cv2.VideoCapture(str(path))
    frames = 0
    size = ''
    while True:
        more, frame = capture.read()
        if not more:
            return f'{size}, {frames} frames, {capture.get(cv2.CAP_PROP_FPS):g} Hz'
        size = f'{frame.shape[1]}x{frame.shape[0]}'
        frames += 1


def _leaves(value: Any, path: str = '') -> Iterator[tuple[str, Any]]:
    if isinstance(value, list) and value and isinstance(value[0], list):  # a table of numbers
        yield path, ' / '.join(' '.join(map(str, row)) for row in value)
    elif isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from _leaves(inner, f'{path}.{key}' if path else str(key))
    else:
        yield path, value


def _numbers(content: Any) -> Any:
    kind = content.get('kind') if isinstance(content, dict) else None
    if kind not in NUMBERS:
        return ', '.join(sorted(content)) if isinstance(content, dict) else len(content)
    wanted = NUMBERS[kind]
    found = {}
    for path, value in _leaves(content):
        left_out = any(w[0] == '!' and fnmatchcase(path, w[1:]) for w in wanted)
        if not left_out and any(fnmatchcase(path, w) for w in wanted):
            found[path] = round(value, 6) if isinstance(value, float) else value
    return found


def _live(content: dict[str, Any]) -> Any:
    """Leaves out what depends on how many frames a busy machine lost or dropped."""
    found = _numbers(content)
    if 'ledger.offered' in found:  # DDS loses a frame now and then; the ledger has it
        found['ledger.offered'] += content['live']['lost_before_node']
    return {
        key: value
        for key, value in found.items()
        if not any(word in key for word in ('pixels', 'flicker', 'change'))
    }


def differences(kept: Any, seen: Any, path: str = '', *, loose: float = 1e-4) -> list[str]:
    """What differs, one line each; numbers may differ by `loose`, as a share too."""
    if isinstance(kept, dict) and isinstance(seen, dict):
        lines = []
        for key in {**kept, **seen}:
            here = f'{path}: {key}' if path else str(key)
            if key not in seen:
                lines.append(f'{here} is gone; it was {kept[key]}')
            elif key not in kept:
                lines.append(f'{here} is new: {seen[key]}')
            else:
                lines += differences(kept[key], seen[key], here, loose=loose)
        return lines
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (kept, seen))
    same = math.isclose(kept, seen, rel_tol=loose, abs_tol=loose) if numbers else kept == seen
    return [] if same else [f'{path}: was {kept}, is {seen}']
