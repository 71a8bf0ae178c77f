# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from bag_files import IMAGE, STRING, Cdr, samples, write_rosbag1, write_rosbag2
from rosbags import rosbag2

from drivseg_ros.bags import messages
from drivseg_ros.bags.qos import LATCHED
from drivseg_ros.bags.reader import BagReader
from drivseg_ros.bags.typestore import TypeDefinition
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import BagError

BIG_ENDIAN = b'\0\0\0\0' + (5).to_bytes(4, 'big') + b'abcd\0'


def numbered(number: int, size: int = 3000) -> bytes:
    return Cdr().string(f'{number:08d}'.ljust(size, '.')).done()


def read(path: Path) -> list[tuple[str, int, bytes]]:
    with BagReader(path) as reader:
        assert reader.unfinished == ''
        return [(m.topic, m.time_ns, m.data) for m in reader.messages()]


def test_bytes_come_back_as_they_were(tmp_path: Path) -> None:
    wanted = [(s.topic, s.time_ns, s.data) for s in samples(7)]
    with BagWriter(tmp_path / 'a' / 'bag') as writer:
        writer.add_topic('/cam/image_raw', IMAGE)
        writer.add_topic('/note', STRING, qos=LATCHED)
        writer.add_topic('/never', STRING)
        for topic, time_ns, data in wanted:
            writer.write(topic, time_ns, data)
        writer.write('/note', wanted[-1][1] + 1, bytearray(BIG_ENDIAN))
        writer.write('/note', wanted[-1][1] + 2, memoryview(BIG_ENDIAN))
    assert writer.counts == {'/cam/image_raw': 7, '/note': 5, '/never': 0}
    assert sorted(os.listdir(tmp_path / 'a' / 'bag')) == ['bag_0.mcap', 'metadata.yaml']
    got = read(tmp_path / 'a' / 'bag')
    assert got[: len(wanted)] == wanted
    assert [g[2] for g in got[len(wanted) :]] == [BIG_ENDIAN, BIG_ENDIAN]
    with rosbag2.Reader(tmp_path / 'a' / 'bag') as reader:
        assert {c.topic: c.msgcount for c in reader.connections} == writer.counts


def test_messages_of_rosbags_are_serialised(tmp_path: Path) -> None:
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    message = messages.image(pixels, encoding='bgr8', stamp_ns=5_000_000_007, frame_id='cam')
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/i', IMAGE)
        writer.write('/i', 9, message)
    ((_, _, data),) = read(tmp_path / 'bag')
    cdr = Cdr().number('i', 5).number('I', 7).string('cam').number('I', 4).number('I', 6)
    wanted = cdr.string('bgr8').number('B', 0).number('I', 18).octets(pixels.tobytes()).done()
    assert data == wanted


def test_topics_are_copied_with_their_definitions(tmp_path: Path) -> None:
    source = write_rosbag1(tmp_path / 'a.bag', samples(3))
    with BagReader(source) as reader, BagWriter(tmp_path / 'bag') as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.msgtype, qos=topic.qos, definition=topic.definition)
        for message in reader.messages():
            writer.write(message.topic, message.time_ns, message.message)
    assert read(tmp_path / 'bag') == [(s.topic, s.time_ns, s.data) for s in samples(3)]


def test_own_types_are_written_with_a_definition(tmp_path: Path) -> None:
    given = TypeDefinition('our_msgs/msg/Speed', 'float32 speed\n', 'RIHS01_' + '0' * 64)
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/speed', given.msgtype, definition=given)
        writer.write('/speed', 1, Cdr().number('f', 1.5).done())
    with BagReader(tmp_path / 'bag') as reader:
        (message,) = reader.messages()
        assert message.message.speed == 1.5
        assert reader.topics['/speed'].definition == given
    with BagReader(tmp_path / 'bag') as reader, BagWriter(tmp_path / 'copy') as writer:
        writer.add_topic('/speed', given.msgtype, definition=given)
        writer.write('/speed', 2, next(reader.messages()).message)
    assert read(tmp_path / 'copy') == [('/speed', 2, Cdr().number('f', 1.5).done())]


WRONG_USE: dict[str, tuple[Callable[[BagWriter], object], str]] = {
    'an unknown type': (
        lambda w: w.add_topic('/x', 'our_msgs/msg/Speed'),
        r"'our_msgs/msg/Speed' is unknown here; give its definition",
    ),
    'a topic twice': (lambda w: w.add_topic('/a', IMAGE), r"'/a' is in bag .* already"),
    "another type's definition": (
        lambda w: w.add_topic('/x', IMAGE, definition=TypeDefinition(STRING, '', '')),
        r'is sensor_msgs/msg/Image but the definition given is std_msgs/msg/String',
    ),
    'a topic not added': (lambda w: w.write('/x', 1, b''), r"'/x' was not added .*; there: /a"),
    'a time before 1970': (lambda w: w.write('/a', -1, b''), r'time -1 ns .* out of range'),
    'a time after 2262': (lambda w: w.write('/a', 2**63, b''), r'out of range'),
    'a string': (lambda w: w.write('/a', 1, 'text'), r'given was str'),
    'another message': (
        lambda w: w.write('/a', 1, messages.header(1, 'x')),
        r'takes sensor_msgs/msg/Image .* given was std_msgs/msg/Header',
    ),
}


@pytest.mark.parametrize('name', WRONG_USE)
def test_wrong_use_is_refused_and_leaves_the_bag_sound(name: str, tmp_path: Path) -> None:
    use, text = WRONG_USE[name]
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/a', IMAGE)
        with pytest.raises(BagError, match=text):
            use(writer)
        writer.write('/a', 5, samples(1)[0].data)
    assert read(tmp_path / 'bag') == [('/a', 5, samples(1)[0].data)]


def test_a_wrong_field_is_refused_and_leaves_the_bag_sound(tmp_path: Path) -> None:
    bad = messages.header(1, 'x')
    bad.frame_id = 7
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/h', 'std_msgs/msg/Header')
        with pytest.raises(BagError, match='has a field that is wrong'):
            writer.write('/h', 1, bad)
    assert read(tmp_path / 'bag') == []


def test_a_closed_bag_takes_nothing_more(tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / 'bag')
    writer.add_topic('/a', IMAGE)
    writer.close()
    writer.close()
    with pytest.raises(BagError, match='is closed'):
        writer.write('/a', 1, b'')


def bag(path: Path) -> Path:
    return write_rosbag2(path / 'out', samples(2))


def with_stranger(path: Path) -> Path:
    made = bag(path)
    (made / 'notes.txt').write_text('precious')
    return made


def file(path: Path) -> Path:
    (path / 'out').write_text('precious')
    return path / 'out'


def link(path: Path) -> Path:
    bag(path).rename(path / 'real')
    (path / 'out').symlink_to(path / 'real')
    return path / 'out'


def with_link(path: Path) -> Path:
    made = bag(path)
    (path / 'real.mcap').write_text('precious')
    (made / 'b.mcap').symlink_to(path / 'real.mcap')
    return made


def below_file(path: Path) -> Path:
    return file(path) / 'bag'


TAKEN: dict[str, tuple[Callable[[Path], Path], bool, str]] = {
    'a bag': (bag, False, r'is there already; give another output, or --overwrite'),
    'a folder with something else': (with_stranger, True, r'no bag \(it holds notes.txt\)'),
    'a file': (file, True, r'is there already and is no bag folder'),
    'a link to a bag': (link, True, r'is there already and is no bag folder'),
    'a bag with a link': (with_link, True, r'it holds b.mcap'),
    'a place below a file': (below_file, True, r'cannot be made'),
}


@pytest.mark.parametrize('name', TAKEN)
def test_nothing_but_a_bag_is_replaced_and_only_if_told(name: str, tmp_path: Path) -> None:
    make, overwrite, text = TAKEN[name]
    path = make(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()}
    with pytest.raises(BagError, match=text):
        BagWriter(path, overwrite=overwrite)
    assert {p: p.read_bytes() for p in tmp_path.rglob('*') if p.is_file()} == before


def test_a_bag_is_replaced_if_told_and_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / 'empty').mkdir()
    for path, overwrite in ((bag(tmp_path), True), (tmp_path / 'empty', False)):
        with BagWriter(path, overwrite=overwrite) as writer:
            writer.add_topic('/a', STRING)
        assert read(path) == []


def test_a_bag_that_is_being_read_is_never_replaced(tmp_path: Path) -> None:
    path = bag(tmp_path)
    for place in (path, path / 'out.mcap'):
        with (
            BagReader(place) as reader,
            pytest.raises(BagError, match='is what is being read'),
        ):
            BagWriter(path, overwrite=True)
        assert reader.count == 3
    BagWriter(path, overwrite=True).close()


def test_an_error_in_the_block_leaves_a_readable_bag_and_is_not_hidden(tmp_path: Path) -> None:
    for kind in (ValueError, KeyboardInterrupt):
        path = tmp_path / kind.__name__

        def fail(path: Path = path, kind: type[BaseException] = kind) -> None:
            with BagWriter(path) as writer:
                writer.add_topic('/a', STRING)
                writer.write('/a', 1, numbered(0))
                raise kind('mine')

        with pytest.raises(kind, match='mine'):
            fail()
        assert read(path) == [('/a', 1, numbered(0))]


def test_an_interrupt_between_any_two_steps_tears_no_message(tmp_path: Path) -> None:
    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    counts = []
    try:
        for i in range(40):
            path = tmp_path / str(i)
            try:
                with BagWriter(path, buffer_bytes=200_000) as writer:
                    writer.add_topic('/a', STRING)
                    # Again after a while: what is raised in a callback of the collector is lost.
                    signal.setitimer(signal.ITIMER_REAL, 0.002 + 0.0003 * i, 0.5)
                    for number in range(10**6):
                        writer.write('/a', number, numbered(number))
            except KeyboardInterrupt:
                signal.setitimer(signal.ITIMER_REAL, 0)
            writer.close()
            got = read(path)
            assert got == [('/a', n, numbered(n)) for n in range(len(got))]
            assert len(got) - writer.counts['/a'] in (0, 1)
            counts.append(len(got))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert max(counts) > 10


def run(code: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    head = 'import os, resource, signal, sys\nfrom drivseg_ros.bags.writer import BagWriter\n'
    return subprocess.run(
        [sys.executable, '-c', head + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


WRITE = """
writer = BagWriter(sys.argv[1])
writer.add_topic('/a', 'std_msgs/msg/String')
for number in range(1000):
    writer.write('/a', number, b'\\0\\1\\0\\0' + (3001).to_bytes(4, 'little') + bytes(3001))
"""


def test_a_writer_that_is_forgotten_is_closed_at_the_end_of_the_program(tmp_path: Path) -> None:
    for name, ending in (('end', ''), ('error', 'raise ValueError'), ('exit', 'sys.exit(3)')):
        run(WRITE + ending, tmp_path / name)
        assert len(read(tmp_path / name)) == 1000


def test_after_sigkill_what_was_written_is_readable(tmp_path: Path) -> None:
    # Two megabytes of three: what the thread has not put into a full chunk is lost.
    code = WRITE + 'while writer.waiting_bytes: pass\nos.kill(os.getpid(), signal.SIGKILL)'
    assert run(code, tmp_path / 'bag').returncode == -signal.SIGKILL
    with BagReader(tmp_path / 'bag') as reader:
        times = [m.time_ns for m in reader.messages()]
        assert 'was not finished' in reader.unfinished
    assert times == list(range(len(times)))
    assert len(times) > 600


def test_a_full_disk_is_told_and_leaves_what_was_written(tmp_path: Path) -> None:
    limit = 'signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n'
    limit += 'resource.setrlimit(resource.RLIMIT_FSIZE, (2_500_000, 2_500_000))\n'
    ended = run(limit + WRITE + 'writer.close()\n', tmp_path / 'bag')
    assert ended.returncode == 1
    assert 'BagError' in ended.stderr
    assert 'cannot be written' in ended.stderr
    with BagReader(tmp_path / 'bag') as reader:
        times = [m.time_ns for m in reader.messages()]
    assert times == list(range(len(times)))
    assert len(times) > 300
