# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights to begin the training with: published ones, or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from drivseg_ros.base.user_path import user_path
from drivseg_ros.errors import ModelError
from drivseg_ros.lab.weights.files import find_weights, sha256_of
from drivseg_ros.lab.weights.forms import CHECKPOINT, FORMS, WeightForm
from drivseg_ros.lab.weights.sources import SOURCES, find_source
from drivseg_ros.model.card import ModelCard
from drivseg_ros.model.file import ARCHITECTURE_KEY, CHECKPOINT_SUFFIX, METADATA_KEY
from drivseg_ros.networks.checkpoint import read_tensors

# Counts the batches seen; of no effect on networks like ours, and missing in older files.
_COUNTER = '.num_batches_tracked'


@dataclass(frozen=True)
class LoadedWeights:
    """What a network begins with; for logs and for the card's provenance.

    Attributes:
        source: Where the weights come from: 'none', or a file and what it is.
        license: Of the weights, where it is known.
        sha256: Of the file; empty without one.
        loaded: Names of the network's tensors that came from the file.
        fresh: Names of those that stayed as they were.
    """

    source: str
    license: str
    sha256: str
    loaded: tuple[str, ...]
    fresh: tuple[str, ...]


def load_pretrained(
    network: nn.Module, architecture: str, weights: str | Path, *, folder: Path | None = None
) -> LoadedWeights:
    """Give a network weights to begin with; what the file does not hold stays as it is.

    Args:
        network: As `create_network` made it; changed in place, and only if all fits.
        architecture: Its name in the registry.
        weights: 'imagenet' (the encoder), 'cityscapes' (the whole SegFormer), either one with
            `@COMMIT` for another revision of its repository, 'none', or the path of a
            .safetensors file: one in the form of the hub's, or a checkpoint of this architecture.
        folder: Where the files of the hub lie, see `find_weights`.

    Raises:
        ModelError: If there are no such weights, they cannot be had, or they do not fit.
        MissingDependencyError: If fetching them needs a library that is not installed.
    """
    text = str(weights)
    state = network.state_dict()
    if text == 'none':
        return LoadedWeights('none', '', '', (), tuple(state))
    if _is_path(text):
        path = user_path(weights)
        origin, rights = str(path), ''
    else:
        source = find_source(architecture, text)
        path = find_weights(source, folder=folder)
        origin, rights = str(source), source.license
    metadata, tensors = read_tensors(path)
    forms = FORMS.get(architecture, ())
    classes = 0
    if ARCHITECTURE_KEY in metadata:
        forms = (CHECKPOINT,)
        classes = _classes_of_checkpoint(path, metadata, architecture)
    form, found = _recognise(path, tensors, forms, architecture, state)
    if form.classes:
        classes = int(tensors[form.classes].shape[0])
    others, problems = _compare(found, state, classes)
    if problems:
        raise _misfit(path, form, architecture, problems)
    for name in others:
        del found[name]
    with torch.no_grad():
        for name, tensor in found.items():
            state[name].copy_(tensor)
    return LoadedWeights(
        source=f'{origin} ({form.name})',
        license=rights,
        sha256=sha256_of(path),
        loaded=tuple(name for name in state if name in found),
        fresh=tuple(name for name in state if name not in found),
    )


def _is_path(text: str) -> bool:
    """Whether weights are named by a path and not by a word."""
    if text.endswith(CHECKPOINT_SUFFIX):
        return True
    names = sorted({name for _, name in SOURCES})
    if text.partition('@')[0] in names:
        return False
    raise ModelError(
        f'weights {text!r} are not known: give {", ".join(names)}, none, or the path of a '
        '.safetensors file; files that unpickle (.pt, .pth, .bin, .ckpt) are never loaded'
    )


def _classes_of_checkpoint(path: Path, metadata: Mapping[str, str], architecture: str) -> int:
    if metadata[ARCHITECTURE_KEY] != architecture:
        raise ModelError(
            f'{path} is a checkpoint of {metadata[ARCHITECTURE_KEY]}, not of {architecture}; give '
            'one of the same architecture'
        )
    try:
        return ModelCard.from_json(metadata.get(METADATA_KEY, '')).num_classes
    except ModelError as error:
        raise ModelError(f'{path}: {error}') from None


def _recognise(
    path: Path,
    tensors: Mapping[str, Tensor],
    forms: tuple[WeightForm, ...],
    architecture: str,
    state: Mapping[str, Tensor],
) -> tuple[WeightForm, dict[str, Tensor]]:
    """The form whose names a file has, and its tensors by our names."""
    if not forms:
        raise ModelError(
            f'{path} is no checkpoint of ours, and no other file fits {architecture}; give a '
            'checkpoint, or none'
        )
    misfits = []
    for form in forms:
        names = {our for name in tensors if (our := form.our_name(name))}
        wanted = {name for name in state if name.startswith(form.fills)}
        missing = {name for name in wanted - names if not name.endswith(_COUNTER)}
        if not missing and not names - wanted:
            return form, form.translate(tensors, state)
        problems = [f'{name} is missing' for name in sorted(missing)]
        problems += [f'{name} is not known' for name in sorted(names - wanted)]
        misfits.append((len(problems), form, problems))
    _, form, problems = min(misfits, key=lambda misfit: misfit[0])
    raise _misfit(path, form, architecture, problems)


def _compare(
    found: Mapping[str, Tensor], state: Mapping[str, Tensor], classes: int
) -> tuple[set[str], list[str]]:
    """Compares a file's tensors with the network's.

    Args:
        found: The file's.
        state: The network's, all of those and maybe more.
        classes: The file's number of classes; 0 if none of its tensors depends on it.

    Returns:
        The names of those that differ by the number of classes alone, and what does not fit.
    """
    others: dict[str, int] = {}
    problems = []
    for name, tensor in sorted(found.items()):
        given, wanted = tuple(tensor.shape), tuple(state[name].shape)
        pairs = {pair for pair in zip(given, wanted, strict=False) if pair[0] != pair[1]}
        if tensor.is_floating_point() != state[name].is_floating_point():
            problems.append(f'{name} is {tensor.dtype}, not {state[name].dtype}')
        elif given == wanted:
            continue
        elif len(given) == len(wanted) and len(pairs) == 1 and min(pairs)[0] == classes:
            others[name] = min(pairs)[1]
        else:
            problems.append(f'{name} is {given}, not {wanted}')
    if len(set(others.values())) > 1:  # they are no numbers of classes, then
        problems += [f'{name} has another shape' for name in others]
    return set(others), problems


def _misfit(path: Path, form: WeightForm, architecture: str, problems: list[str]) -> ModelError:
    shown = '; '.join(problems[:3]) + ('; ...' if len(problems) > 3 else '')
    return ModelError(
        f'{path} does not fit {architecture}: taken for {form.name}, it differs in '
        f'{len(problems)} tensors ({shown}); nothing was loaded, give a file made for it'
    )
