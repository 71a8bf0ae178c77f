# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plans are whole or not there: damage, foreign files, full disks, and who may build."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import hashlib
import importlib.metadata
import logging
import os
import pwd
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from drivseg_ros.engines.plan_cache import PlanCache, PlanKey, cache_directory, read_plan
from drivseg_ros.engines.plan_pruning import find_removals, list_plans, remove
from drivseg_ros.errors import EngineError

KEY = PlanKey(
    model_sha256='ab' * 32,
    runtime='numpy',  # any distribution that is installed
    runtime_version='1.2.3',
    device='a device',
    precision='fp16',
    min_batch=1,
    max_batch=3,
    height=48,
    width=64,
    model_path='/models/net.onnx',
)
PAYLOAD = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path: Path) -> PlanCache:
    return PlanCache(tmp_path / 'plans')


@pytest.mark.parametrize(
    ('environment', 'expected'),
    [
        ({'DRIVSEG_CACHE': '/a', 'XDG_CACHE_HOME': '/b'}, '/a'),
        ({'DRIVSEG_CACHE': '~/a'}, '/users/someone/a'),
        ({'XDG_CACHE_HOME': '/b'}, '/b/drivseg_ros'),
        ({}, '/users/someone/.cache/drivseg_ros'),
    ],
)
def test_directory(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('DRIVSEG_CACHE', 'XDG_CACHE_HOME'):
        monkeypatch.delenv(name, raising=False)
    for name, value in {'HOME': '/users/someone', **environment}.items():
        monkeypatch.setenv(name, value)
    assert cache_directory() == Path(expected)


@pytest.mark.parametrize('environment', [{}, {'DRIVSEG_CACHE': '~/plans'}])
def test_a_user_without_a_home(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('DRIVSEG_CACHE', 'XDG_CACHE_HOME', 'HOME'):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def unknown(uid: int) -> None:
        raise KeyError(f'getpwuid(): uid not found: {uid}')

    monkeypatch.setattr(pwd, 'getpwuid', unknown)
    with pytest.raises(EngineError, match=r'no home; set \$DRIVSEG_CACHE'):
        cache_directory()


def test_round_trip(cache: PlanCache) -> None:
    assert cache.load(KEY) is None
    assert not cache.has(KEY)
    path = cache.store(KEY, PAYLOAD)
    assert cache.has(KEY)
    assert cache.load(KEY) == PAYLOAD
    assert list(cache.directory.iterdir()) == [path]
    cache.store(KEY, b'other')
    assert cache.load(KEY) == b'other'
    cache.remove(KEY)
    cache.remove(KEY)
    assert cache.load(KEY) is None


@pytest.mark.parametrize('field', [f.name for f in dataclasses.fields(PlanKey)])
def test_a_plan_is_used_for_its_own_key_only(cache: PlanCache, field: str) -> None:
    cache.store(KEY, PAYLOAD)
    value = getattr(KEY, field)
    changed = dataclasses.replace(KEY, **{field: value + (1 if isinstance(value, int) else 'x')})
    found = PAYLOAD if field == 'model_path' else None
    assert cache.load(changed) == found
    assert cache.has(changed) == (found is not None)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def truncate_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def cut_in_header(path: Path) -> None:
    os.truncate(path, 60)


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b'more')


def foreign(path: Path) -> None:
    path.write_bytes(b'ftrt' + PAYLOAD)


def of_another_version(path: Path) -> None:
    other = PlanCache(path.parent / 'other')
    shutil.copy(other.store(dataclasses.replace(KEY, runtime_version='1.2.2'), b'old'), path)


def strange_header(path: Path) -> None:
    magic, _, rest = path.read_bytes().split(b'\n', 2)
    path.write_bytes(b'\n'.join([magic, b'{"key": {"what": 1}}', rest]))


@pytest.mark.parametrize(
    ('damage', 'reason', 'seen_early'),
    [
        (truncate, 'cut off or damaged', True),
        (truncate_to_nothing, 'it is no plan', True),
        (cut_in_header, 'its header is damaged', True),
        (strange_header, 'its header is damaged', True),
        (flip_a_byte, 'its hash differs', False),
        (append, 'cut off or damaged', True),
        (foreign, 'it is no plan', True),
        (of_another_version, 'it is the plan of net for numpy 1.2.2', True),
    ],
)
def test_what_is_not_whole_is_said_and_not_loaded(
    cache: PlanCache,
    damage: Callable[[Path], None],
    reason: str,
    seen_early: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(cache.store(KEY, PAYLOAD))
    assert cache.has(KEY) is not seen_early
    with caplog.at_level(logging.WARNING):
        assert cache.load(KEY) is None
    assert reason in caplog.text
    assert 'made again' in caplog.text
    cache.store(KEY, PAYLOAD)
    assert cache.load(KEY) == PAYLOAD


# A real failing write: the process may not write more than so many bytes to a file.
LIMITED = """
    import resource, sys
    from pathlib import Path
    sys.path.insert(0, {folder!r})
    from test_plan_cache import KEY, PAYLOAD
    from drivseg_ros.engines.plan_cache import PlanCache
    from drivseg_ros.errors import EngineError

    cache = PlanCache(Path(sys.argv[1]))
    cache.store(KEY, b'old')
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        cache.store(KEY, PAYLOAD)
    except EngineError as error:
        print(error)
    print(cache.load(KEY), [p.name for p in cache.directory.iterdir()] == [cache.path(KEY).name])
"""


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    script = textwrap.dedent(LIMITED).format(folder=str(Path(__file__).parent))
    result = subprocess.run(
        [sys.executable, '-c', script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    error, after = result.stdout.splitlines()
    assert 'the plan of 0.0 MB' in error
    assert f'{tmp_path}/{KEY.stem}.plan' in error
    assert 'cannot be written (File too large)' in error
    assert 'drivseg engine prune' in error
    assert '$DRIVSEG_CACHE' in error
    assert after == "b'old' True"


def test_a_full_disk(tmp_path: Path) -> None:
    # Its own mount namespace, where that is allowed: a file system of 64 KiB.
    script = 'mount -t tmpfs -o size=64k,mode=700 none "$0" && exec "$@"'
    unshare = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', script]
    folder = tmp_path / 'disk'
    folder.mkdir()
    if (
        shutil.which('unshare') is None
        or subprocess.run([*unshare, folder, 'true'], capture_output=True, check=False).returncode
    ):
        pytest.skip('this machine does not let us mount a small file system')
    program = f"""
        import sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_plan_cache import KEY
        from drivseg_ros.engines.plan_cache import PlanCache
        from drivseg_ros.errors import EngineError

        cache = PlanCache(Path({str(folder)!r}))
        cache.store(KEY, b'old')
        for attempt in (lambda: cache.store(KEY, bytes(100_000)), lambda: cache.check_room(50_000)):
            try:
                attempt()
            except EngineError as error:
                print(error)
        print(cache.load(KEY), len(list(cache.directory.iterdir())))
    """
    result = subprocess.run(
        [*unshare, folder, sys.executable, '-c', textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
    )
    write, room, after = result.stdout.splitlines()
    assert 'the plan of 0.1 MB' in write
    assert os.strerror(errno.ENOSPC) in write
    assert 'about 0.1 MB are needed' in room
    assert '0.1 MB are free' in room
    assert after == "b'old' 1"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    # A file in the folder's place stops root, too, whom permissions do not stop.
    (tmp_path / 'file').write_bytes(b'')
    cache = PlanCache(tmp_path / 'file' / 'plans')
    with pytest.raises(EngineError, match=r'cannot be written to .*: Not a directory.*DRIVSEG_'):
        cache.check_room(0)
    with pytest.raises(EngineError, match=r'the plan of .* cannot be written.*DRIVSEG_'):
        cache.store(KEY, PAYLOAD)
    assert cache.load(KEY) is None
    assert list_plans(cache) == []


def test_one_holds_the_lock(cache: PlanCache) -> None:
    waited = threading.Event()
    order = []

    def second() -> None:
        with cache.lock(KEY, waiting=waited.set):
            order.append('second')

    with cache.lock(KEY):
        with cache.lock(dataclasses.replace(KEY, max_batch=4)):
            thread = threading.Thread(target=second)
            thread.start()
        assert waited.wait(30)
        order.append('first')
    thread.join(30)
    assert order == ['first', 'second']
    assert not cache.is_locked(KEY.stem)
    remove(find_removals(cache))
    assert list(cache.directory.iterdir()) == []


def test_locks_on_a_file_system_without_them(
    cache: PlanCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as some network drives: a plan may be built twice, and is whole all the same."""

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, 'flock', flock)
    with cache.lock(KEY, waiting=lambda: pytest.fail('nobody has the lock')):
        cache.store(KEY, PAYLOAD)
    assert cache.load(KEY) == PAYLOAD


def test_a_killed_holder_gives_the_lock_back(cache: PlanCache) -> None:
    program = f"""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_plan_cache import KEY
        from drivseg_ros.engines.plan_cache import PlanCache

        with PlanCache(Path({str(cache.directory)!r})).lock(KEY):
            print('held', flush=True)
            time.sleep(600)
    """
    with subprocess.Popen(
        [sys.executable, '-c', textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == 'held\n'
        holder.kill()
    with cache.lock(KEY, waiting=lambda: pytest.fail('the lock is still held')):
        pass


def test_prune(cache: PlanCache, tmp_path: Path) -> None:
    model = tmp_path / 'net.onnx'
    model.write_bytes(b'network')
    current = dataclasses.replace(
        KEY,
        runtime_version=importlib.metadata.version('numpy'),
        model_path=str(model),
        model_sha256=hashlib.sha256(b'network').hexdigest(),
    )
    keys = {
        'kept': current,
        'unused': dataclasses.replace(current, precision='bf16'),
        'made with numpy 0.1': dataclasses.replace(current, runtime_version='0.1'),
        'not installed any more': dataclasses.replace(current, runtime='no_such_runtime'),
        'has changed': dataclasses.replace(current, model_sha256='cd' * 32),
        'is gone': dataclasses.replace(current, width=67, model_path=str(tmp_path / 'gone.onnx')),
        'hash of a damaged one is not read': dataclasses.replace(current, width=65),
        'cut off': dataclasses.replace(current, width=66),
    }
    paths = {why: cache.store(key, PAYLOAD) for why, key in keys.items()}
    flip_a_byte(paths['hash of a damaged one is not read'])
    truncate(paths['cut off'])
    long_ago = 1_000_000_000
    os.utime(paths['unused'], (long_ago, long_ago))
    left = cache.directory / f'.{KEY.stem}.abc.partial.plan'
    left.write_bytes(b'half a plan')
    young = cache.directory / f'.{KEY.stem}.def.partial.plan'
    young.write_bytes(b'half a plan')
    os.utime(left, (long_ago, long_ago))
    for stem in (current.stem, KEY.stem):
        (cache.directory / f'{stem}.log').write_text('log')
    own = cache.directory / 'onnxruntime_tensorrt' / 'key' / 'x.engine'
    own.parent.mkdir(parents=True)
    own.write_bytes(b'engine')
    (cache.directory / 'folder.plan').mkdir()  # no file of ours, and in nobody's way

    plans = list_plans(cache)
    assert {p.path for p in plans} == set(paths.values())
    assert [p.path for p in plans][-1] == paths['unused']
    assert {p.path for p in plans if p.defect} == {paths['cut off']}

    obsolete = {'made with numpy 0.1', 'not installed any more', 'has changed', 'is gone'}
    removals = {r.path: r for r in find_removals(cache)}
    log = cache.directory / f'{KEY.stem}.log'
    assert set(removals) == {paths[w] for w in (*obsolete, 'cut off')} | {left, log}
    for why in (*obsolete, 'cut off'):
        assert why in removals[paths[why]].reason
    assert removals[left].reason == 'left by a process that was killed'

    remove(find_removals(cache, unused_days=30))
    assert not paths['unused'].exists()
    assert read_plan(paths['kept'])[1] == PAYLOAD
    assert own.exists()
    remove(find_removals(cache, everything=True))
    left_there = {p.name for p in cache.directory.iterdir()}
    assert left_there == {young.name, own.parents[1].name, 'folder.plan'}
    assert not own.exists()


def test_prune_leaves_what_a_living_process_writes(cache: PlanCache) -> None:
    with cache.lock(KEY):
        lock = next(cache.directory.glob('*.lock'))
        os.utime(lock, (1_000_000_000, 1_000_000_000))
        assert find_removals(cache, everything=True) == []
