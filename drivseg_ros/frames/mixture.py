# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several data sets as one: how many frames of each an epoch has, and which, in which order.

Everything is a function of the seed and the epoch, so that a run that was interrupted goes on as
if it had not been.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivseg_ros.errors import ParameterError

_MIX, _WALK, _ROUND = range(3)


def frames_per_epoch(
    lengths: Sequence[int], weights: Sequence[float], samples: int = 0
) -> tuple[int, ...]:
    """How many frames of each data set an epoch has.

    Args:
        lengths: The data sets' numbers of frames.
        weights: How often an epoch has a frame of each: 1 once, 0.2 every fifth, 3 three times.
        samples: The sum wanted, shared out in the same proportion; 0: as the weights say.

    Raises:
        ParameterError: If a weight or a length is not positive, or an epoch would leave out a
            data set.
    """
    if not lengths or len(lengths) != len(weights):
        raise ParameterError(f'{len(lengths)} data sets have {len(weights)} weights; give one each')
    for place, (length, weight) in enumerate(zip(lengths, weights, strict=True), 1):
        if length < 1 or not 0 < weight < float('inf'):
            raise ParameterError(
                f'data set {place} has frames: {length}, weight: {weight}; both must be above 0'
            )
    if type(samples) is not int or samples < 0:
        raise ParameterError(f'samples = {samples!r}; give a number of frames from 0')
    wanted = np.array([n * w for n, w in zip(lengths, weights, strict=True)], float)
    if samples:
        wanted *= samples / wanted.sum()
    # Rounding the sums, not the parts, keeps the total right.
    counts = np.diff(np.floor(np.cumsum(wanted) + 0.5).astype(np.int64), prepend=0)
    if counts.min() < 1:
        place = int(counts.argmin())
        raise ParameterError(
            f'data set {place + 1} has frames: {lengths[place]}, weight: {weights[place]:g}; an '
            'epoch would have none of it: raise its weight or the samples'
        )
    return tuple(counts.tolist())


def epoch_order(
    lengths: Sequence[int], counts: Sequence[int], *, seed: int, epoch: int
) -> np.ndarray:
    """The frames of an epoch.

    Within an epoch no frame comes again before all others of its data set have come. Where an
    epoch has only a part of a data set, the next epoch goes on behind it, so that all frames have
    their turn. The data sets are interleaved at random.

    Args:
        lengths: The data sets' numbers of frames.
        counts: How many frames of each an epoch has (`frames_per_epoch`).
        seed: Another seed is another order.
        epoch: Counted from 0.

    Returns:
        int64 [sum of counts, 2]: the data set, and the frame's index in it.
    """
    turns = np.repeat(np.arange(len(lengths)), counts)
    turns = np.random.default_rng((seed, _MIX, epoch)).permutation(turns)
    indices = np.empty_like(turns)
    for source, (length, count) in enumerate(zip(lengths, counts, strict=True)):
        rounds, rest = divmod(count, length)
        chance = np.random.default_rng((seed, _ROUND, source, epoch))
        frames = [chance.permutation(length) for _ in range(rounds)]
        walk = np.random.default_rng((seed, _WALK, source)).permutation(length)
        window = np.arange(epoch * rest, (epoch + 1) * rest) % length
        frames.append(chance.permutation(walk[window]))
        indices[turns == source] = np.concatenate(frames)
    return np.stack([turns, indices], axis=1)
