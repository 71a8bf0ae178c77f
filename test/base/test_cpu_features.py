# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What /proc/cpuinfo says about the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivseg_ros.base.cpu_features import FEATURES, cpu_features


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('flags\t\t: fpu sse2 avx2 fma\n', ('avx2',)),
        (
            'processor : 0\nflags : avx2 avx512f avx512_vnni avx512_bf16\n\nflags : amx_tile\n',
            ('avx2', 'avx512', 'vnni', 'bf16'),
        ),
        ('flags : avx2 avx_vnni avx_ne_convert\n', ('avx2', 'vnni', 'bf16')),
        (
            'flags : avx512f amx_bf16 amx_tile avx512_fp16\n',
            ('avx512', 'bf16', 'fp16', 'amx'),
        ),
        ('Features\t: fp asimd asimdhp asimddp i8mm bf16\n', ('bf16', 'fp16', 'dotprod', 'i8mm')),
        ('bugs : avx2\nflags : fpu\n', ()),
        ('nothing of the kind\n', ()),
        ('', ()),
        (None, ()),
    ],
)
def test_cpu_features(tmp_path: Path, text: str | None, expected: tuple[str, ...]) -> None:
    path = tmp_path / 'cpuinfo'
    if text is not None:
        path.write_text(text)
    assert cpu_features(path) == expected


def test_this_machine() -> None:
    assert set(cpu_features()) <= set(FEATURES)
