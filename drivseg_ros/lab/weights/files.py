# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Published weights as files: in a folder of the user's, or fetched from the hub."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.base.user_path import user_path
from drivseg_ros.errors import MissingDependencyError, ModelError
from drivseg_ros.lab.weights.sources import WeightSource

FOLDER_VARIABLE = 'DRIVSEG_WEIGHTS'
"""A folder of weight files: FOLDER/OWNER/REPOSITORY/model.safetensors."""


def find_weights(source: WeightSource, *, folder: Path | None = None) -> Path:
    """The file of published weights.

    It is looked for in the folder, then in the cache of huggingface_hub, then on the hub. Where
    its SHA-256 is recorded, the file must have it.

    Args:
        source: Which file.
        folder: A folder laid out as the hub is; $DRIVSEG_WEIGHTS if not given.

    Raises:
        ModelError: If the file is nowhere, saying which one it is and what to do, or is another
            one than recorded.
        MissingDependencyError: If it must be fetched and huggingface_hub is not installed.
    """
    variable = os.environ.get(FOLDER_VARIABLE)
    if folder is None and variable:
        folder = user_path(variable)
    if folder is not None:
        path = folder / source.repository / source.file
        if path.is_file():
            return _checked(path, source)
    return _checked(_fetch(source), source)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _checked(path: Path, source: WeightSource) -> Path:
    if source.sha256 and (found := sha256_of(path)) != source.sha256:
        raise ModelError(
            f'{path} is not {source}: its SHA-256 is {found}, not {source.sha256}; delete it and '
            'get it again'
        )
    return path


def _fetch(source: WeightSource) -> Path:
    if not source.revision:
        raise ModelError(
            f'no revision of {source.repository} is recorded, and nothing is loaded from the hub '
            "without one: look up the repository's newest commit there and add it to the name, as "
            f'in cityscapes@COMMIT, or {_advice(source)}'
        )
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise MissingDependencyError(
            f'{source} must be fetched from the Hugging Face hub, which needs huggingface_hub: '
            f'{install_hint("train")}, or {_advice(source)}'
        ) from None
    try:
        path = hf_hub_download(source.repository, source.file, revision=source.revision)
    except OSError as error:  # all of the library's errors about files and connections are
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f'{source} is not on this machine and cannot be fetched from the Hugging Face hub '
            f'({reason[0]}): {_advice(source)}'
        ) from None
    return Path(path)


def _advice(source: WeightSource) -> str:
    revision = source.revision or 'COMMIT'
    return (
        f'on a machine with internet run `hf download {source.repository} {source.file} '
        f'--revision {revision} --local-dir FOLDER/{source.repository}`, copy FOLDER here and name '
        f'it in ${FOLDER_VARIABLE}, or give the file with --set weights=PATH; --set weights=none '
        'begins at random'
    )
