# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Counts of pixels by class of the labels and class of a network, which need not be the same."""

from __future__ import annotations

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.model.card import UNLABELLED


def count_pairs(
    label: np.ndarray, prediction: np.ndarray, *, truth: int, network: int, bands: int = 1
) -> np.ndarray:
    """Counts the pixels of an image.

    Args:
        label: uint8 [H, W]; UNLABELLED pixels are not counted.
        prediction: uint8 [H, W].
        truth: the labels' number of classes.
        network: the network's.
        bands: the image is cut into so many bands of equal height, counted apart.

    Returns:
        int64 [bands, truth, network], from the top of the image to its bottom.

    Raises:
        DataError: if the shapes differ, or an id is neither a class nor, in the label, UNLABELLED.
    """
    if label.shape != prediction.shape:
        raise DataError(
            f'the label is {label.shape[1]}x{label.shape[0]}, the prediction '
            f'{prediction.shape[1]}x{prediction.shape[0]}; they must have one size'
        )
    # uint16 holds label x 256 + prediction, so one bincount per band does it all.
    codes = label.astype(np.uint16) * 256 + prediction
    found = np.empty((bands, truth, network), np.int64)
    for band in range(bands):
        counts = np.bincount(codes[band_rows(len(label), band, bands)].ravel(), minlength=65536)
        table = counts.reshape(256, 256)[:UNLABELLED]
        found[band] = table[:truth, :network]
        if found[band].sum() != table.sum():
            rows, columns = table.sum(1), table.sum(0)
            strange = [int(i) for i in np.flatnonzero(rows[truth:]) + truth]
            said = [int(i) for i in np.flatnonzero(columns[network:]) + network]
            what = f'the label has the values {strange}' if strange else f'the mask has {said}'
            raise DataError(
                f'{what}; known are 0 to {(truth if strange else network) - 1}'
                f'{f" and {UNLABELLED} for unlabelled" if strange else ""}: say what the values '
                'mean (docs/evaluating.md, Labels)'
            )
    return found


def band_rows(height: int, band: int, bands: int) -> slice:
    """The rows of one of several bands of equal height."""
    return slice(band * height // bands, (band + 1) * height // bands)
