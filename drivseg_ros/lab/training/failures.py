# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What torch says when it runs out of something, in a sentence that says what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from drivseg_ros.errors import DrivsegError, TrainingError

_WORKER = 'DataLoader worker'
_CPU_MEMORY = "can't allocate memory"


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turns torch's errors of memory and of loading processes into ours.

    Raises:
        TrainingError: Instead of them.
        DrivsegError: One of ours that a loading process met, without its traceback.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _memory('GPU', error) from None
    except DrivsegError as error:
        text = str(error)
        if _WORKER not in text:
            raise
        # torch hands an error of a loading process on with its whole traceback as the text.
        raise type(error)(text.strip().splitlines()[-1].partition(': ')[2]) from None
    except RuntimeError as error:
        if _CPU_MEMORY in str(error):
            raise _memory('machine', error) from None
        if _WORKER not in str(error):
            raise
        raise _loader_died(error) from None
    except (ConnectionError, EOFError) as error:
        # What it was handing over when it died is torn off before torch sees that it is dead.
        raise _loader_died(error) from None


def _loader_died(error: Exception) -> TrainingError:
    return TrainingError(
        f'a process that loads frames died ({_first_line(error)}); look whether memory or '
        '/dev/shm ran out, ask for fewer (--workers, 0 for none), then go on with --resume'
    )


def _memory(what: str, error: Exception) -> TrainingError:
    return TrainingError(
        f'the {what} has too little memory ({_first_line(error)}); take a smaller batch with '
        'accumulate, a smaller size, or the precision bf16-mixed'
    )


def _first_line(error: Exception) -> str:
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return text if len(text) <= 200 else f'{text[:197]}...'
