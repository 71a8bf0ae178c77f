# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who else may write a file or folder: what is run as it stands must be ours alone."""

from __future__ import annotations

import grp
import os
import pwd
import stat

_ROOT = 0


def who_else_may_write(status: os.stat_result) -> str:
    """Who may write a file or folder beside this user and root; '' if nobody may.

    Args:
        status: of `os.stat` or `os.fstat`.
    """
    if status.st_uid not in (os.geteuid(), _ROOT):
        return f'it belongs to {_user(status.st_uid)}'
    if status.st_mode & stat.S_IWOTH:
        return 'everybody may write it'
    if status.st_mode & stat.S_IWGRP and not _is_own_group(status.st_gid):
        return f'the group {_group(status.st_gid)} may write it'
    return ''


def _is_own_group(gid: int) -> bool:
    """Whether nobody else is in it, as in the group that Linux makes with each user."""
    return _group(gid) in (_user(os.geteuid()), 'root')


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # as in a container
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
