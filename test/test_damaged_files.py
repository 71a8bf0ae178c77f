# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever is damaged is refused in a sentence, or read; scripts/fuzz tries the same for longer."""

from __future__ import annotations

from pathlib import Path

from damaged_files import kinds, try_damaged


def test_nothing_foreign_is_raised(tmp_path: Path) -> None:
    refused = 0
    for kind in kinds(tmp_path):
        found = try_damaged(kind, range(40), tmp_path, seed=0)
        assert found.foreign == []
        refused += found.count['refused']
        if kind.name in ('bag mcap', 'png', 'plan'):
            assert found.count['changed'] == 0
    assert refused > 300
