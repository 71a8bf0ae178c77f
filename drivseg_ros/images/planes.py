# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The planes of a segmentation as files: class ids and confidence, one channel each."""

from __future__ import annotations

from pathlib import Path

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.images.writing import write_picture
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.segmenter import Segmenter


def check_confidence(segmenter: Segmenter) -> None:
    """Refuses a network that does not tell how sure it is.

    Raises:
        ParameterError: if it has no such output.
    """
    model = segmenter.engine.model
    if not model.has_confidence:
        raise ParameterError(
            f"the model '{model.path}' tells no confidence; leave --confidence out, or use a model "
            'with that output'
        )


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Sees to it that planes may be written into a folder.

    Raises:
        DataError: if it is a file, or holds something and must stay as it is.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"'{folder}' is a file; name a folder")
    if not overwrite and folder.is_dir() and any(folder.iterdir()):
        raise DataError(
            f"the folder '{folder}' is not empty; name a new one, or replace files of the same "
            'names with --overwrite'
        )


def write_planes(segmentation: Segmentation, *, mask: Path | None, confidence: Path | None) -> None:
    """Writes class ids and confidence as PNG at the image's size; None leaves one out.

    Raises:
        DataError: if a file cannot be written.
    """
    if mask is not None:
        write_picture(mask, segmentation.class_ids)
    if confidence is not None and segmentation.confidence is not None:
        write_picture(confidence, segmentation.confidence)
