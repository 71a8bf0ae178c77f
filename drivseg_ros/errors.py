# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The errors a user meets. Each says what was given, what is allowed, and what to do."""

from __future__ import annotations


class DrivsegError(Exception):
    """Base of all errors of this package; its text is one sentence meant for the user."""


class ModelError(DrivsegError):
    """A model file or its card cannot be used."""


class EngineError(DrivsegError):
    """A runtime, or the device, precision or thread count asked of it, is not available."""


class BagError(DrivsegError):
    """A bag, or the images or video it should be made of, cannot be read or written."""


class DataError(DrivsegError):
    """Images or labels in files cannot be read, or do not belong together."""


class TrainingError(DrivsegError):
    """A training run cannot go on; what it wrote before is kept."""


class ParameterError(DrivsegError):
    """A parameter has a value that is not allowed."""


class MissingDependencyError(DrivsegError):
    """An optional library is not installed; the text says how to install it."""


class ImageError(DrivsegError):
    """One image cannot be decoded; it costs that frame and nothing else.

    Attributes:
        kind: a short, stable name of the defect ('encoding', 'step', 'size', ...), by which
            defects are counted and log messages throttled.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind
