# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command line of `segmentation_node`: its help, and what on it means nothing."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Sequence

from drivseg_ros.node.parameters import SPECS

_HELP = """\
usage: segmentation_node [--help] [--ros-args [-p NAME:=VALUE]... [--params-file FILE]
                         [-r FROM:=TO]... [--log-level LEVEL]]

Segments the images of one or more cameras, until SIGINT, SIGTERM or SIGHUP.

Parameters:
"""
_OWN_PARAMETERS = ('use_sim_time', 'start_type_description_service')  # of every node in rclpy
_OVERRIDES = 'qos_overrides.'


def wants_help(words: Sequence[str]) -> bool:
    """Whether help is asked for, before the arguments of ROS."""
    own = words[: words.index('--ros-args')] if '--ros-args' in words else words
    return '-h' in own or '--help' in own


def help_text() -> str:
    """The usage and each parameter with its default, as lines of up to 100 characters."""
    lines = []
    for spec in SPECS:
        text = f'{spec.meaning}. Default: {spec.default!r}'
        lines += [
            f'  {spec.name}',
            *textwrap.wrap(text, 94, initial_indent=' ' * 6, subsequent_indent=' ' * 6),
        ]
    return _HELP + '\n'.join(lines) + '\n'


def unknown_parameters(given: Iterable[str]) -> list[str]:
    """A sentence for each parameter that the node does not have."""
    known = [spec.name for spec in SPECS]
    sentences = []
    for name in sorted(given):
        if name in known or name in _OWN_PARAMETERS or name.startswith(_OVERRIDES):
            continue
        close = difflib.get_close_matches(name, known, n=1)
        hint = f'; did you mean {close[0]}?' if close else '; segmentation_node --help lists them'
        sentences.append(f'there is no parameter {name!r}, and its value is ignored{hint}')
    return sentences


def unknown_arguments(words: Sequence[str]) -> str:
    """A sentence that names the arguments that are none of ROS; '' without such.

    Args:
        words: the arguments without those of ROS, without the program.
    """
    if not words:
        return ''
    return (
        f'arguments without meaning here are ignored: {" ".join(map(repr, words))}; parameters are '
        'given as --ros-args -p NAME:=VALUE'
    )
