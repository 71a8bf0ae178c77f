# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a bag says when the disk is full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FULL = """
import resource, sys
import numpy as np
from drivseg_ros.bags import messages
from drivseg_ros.bags.writer import BagWriter
from drivseg_ros.errors import BagError

resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
image = messages.image(
    np.zeros((300, 400, 3), np.uint8), encoding='rgb8', stamp_ns=1, frame_id='c'
)
try:
    with BagWriter(sys.argv[1]) as writer:
        writer.add_topic('/a', 'sensor_msgs/msg/Image')
        for i in range(20):
            writer.write('/a', i, image)
except BagError as error:
    print(error)
"""


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path) -> None:
    """Closing the file fails as well then, and has nothing to add."""
    found = subprocess.run(
        [sys.executable, '-c', FULL, str(tmp_path / 'bag')],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'cannot be written: [Errno 27] File too large' in found.stdout
    assert found.stderr == ''
