# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a signal does to a running command: it ends the work in good order, it never tears it.

Two ways, for two kinds of work. A command that makes a bag has no loop of its own to look at a
flag, so a signal becomes an exception there (``orderly_end``). The player and the recorder wait
most of the time and only ask a flag (``stop_on_signals``).
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SLICE_S = 0.02
_SPIN_S = 0.0002


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP, raised where SIGINT raises KeyboardInterrupt.

    Attributes:
        signal_number: the signal that came.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.signal_number = signal_number


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """The exit status a shell expects of an interrupted command: 128 + the signal's number."""
    return 128 + getattr(interrupt, 'signal_number', signal.SIGINT)


@contextmanager
def _handling(handlers: dict[int, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    # Only the main thread may set handlers; elsewhere the signals are somebody else's business.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@contextmanager
def orderly_end() -> Iterator[None]:
    """Within it, SIGTERM and SIGHUP raise Terminated, so that open bags are closed as by Ctrl-C."""

    def handler(number: int, _: FrameType | None) -> None:
        raise Terminated(number)

    with _handling({signal.SIGTERM: handler, signal.SIGHUP: handler}):
        yield


class StopFlag:
    """A request to stop, set by a signal handler and asked by a loop; also a clock to wait on.

    No lock is involved: a handler runs between any two steps of the main thread, and one that
    takes a lock the main thread already holds never returns.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self.requested = False

    def request(self, signal_number: int = 0) -> None:
        """Asks the loop to stop."""
        self.signal_number = signal_number
        self.requested = True

    def sleep_until(self, due: float) -> bool:
        """Waits for a moment of time.monotonic(), exact to a fraction of a millisecond.

        Args:
            due: when to return, in seconds of time.monotonic(); a past moment returns at once.

        Returns:
            False when the wait was cut short by a request to stop.
        """
        while not self.requested:
            left = due - time.monotonic()
            if left <= 0:
                return True
            if left > _SPIN_S:
                time.sleep(min(left - _SPIN_S, _SLICE_S))
        return False


@contextmanager
def stop_on_signals() -> Iterator[StopFlag]:
    """Within it, SIGINT, SIGTERM and SIGHUP set the flag that is given."""
    flag = StopFlag()

    def handler(number: int, _: FrameType | None) -> None:
        flag.request(number)

    with _handling(dict.fromkeys((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), handler)):
        yield flag
