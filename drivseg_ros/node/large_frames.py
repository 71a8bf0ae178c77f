# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Large pictures are decoded beside the worker, so that other cameras do not wait for them.

The slowest picture of this size that is allowed takes the worker a tenth of a second; one of
`max_pixels` may take more than one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from drivseg_ros.node.camera_slot import Frame

LARGE_PIXELS = 2**22


class LargeFrame:
    """A frame that a thread of its own decodes.

    Args:
        frame: the frame.
        decode: decodes it.
        done: called by the thread at its end.
    """

    def __init__(
        self, frame: Frame, *, decode: Callable[[], np.ndarray], done: Callable[[], None]
    ) -> None:
        self.frame = frame
        self.started_s = time.monotonic()
        self.seconds = 0.0
        self.is_decoded = False
        self._decode = decode
        self._done = done
        self._image: np.ndarray | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name='large frame', daemon=True).start()

    def image(self) -> np.ndarray:
        """The picture, once it is decoded.

        Raises:
            Exception: what `decode` raised.
        """
        if self._image is None:
            raise self._error or RuntimeError('it is not decoded yet')
        return self._image

    def _run(self) -> None:
        try:
            self._image = self._decode()
        except BaseException as error:  # it is raised where the picture is wanted
            self._error = error
        self.seconds = time.monotonic() - self.started_s
        self.is_decoded = True
        self._done()
