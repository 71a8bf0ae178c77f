# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who else may write a file, by its owner, group and mode."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from drivseg_ros.base.writable import who_else_may_write

ME, MY_GROUP = os.geteuid(), os.getegid()
OTHERS = next(e for e in pwd.getpwall() if e.pw_uid not in (0, ME))


@pytest.mark.parametrize(
    ('mode', 'uid', 'gid', 'who'),
    [
        (0o40700, ME, MY_GROUP, ''),
        (0o40755, ME, MY_GROUP, ''),
        (0o40755, 0, 0, ''),
        (0o100644, ME, OTHERS.pw_gid, ''),
        (0o40775, 0, 0, ''),  # root's own group
        (0o40777, ME, MY_GROUP, 'everybody may write it'),
        (0o41777, 0, 0, 'everybody may write it'),
        (0o40775, ME, OTHERS.pw_gid, 'may write it'),
        (0o40775, ME, 12_345_678, 'the group 12345678 may write it'),
        (0o40700, OTHERS.pw_uid, MY_GROUP, f'it belongs to {OTHERS.pw_name}'),
        (0o40700, 12_345_678, MY_GROUP, 'it belongs to 12345678'),
    ],
)
def test_who_else_may_write(mode: int, uid: int, gid: int, who: str) -> None:
    status = os.stat_result((mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))
    found = who_else_may_write(status)
    assert who in found
    assert bool(found) is bool(who)


@pytest.mark.parametrize(('mode', 'fine'), [(0o700, True), (0o777, False)])
def test_of_a_real_folder(tmp_path: Path, mode: int, fine: bool) -> None:
    tmp_path.chmod(mode)
    assert (who_else_may_write(tmp_path.stat()) == '') is fine
