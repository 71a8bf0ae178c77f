# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which models there are, and where built engines are kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from drivseg_ros.doctor.finding import Finding, Section, note, problem, run_checks

_LITTLE_ROOM_MB = 500


def check_models() -> Section:
    """The section about models."""
    return run_checks(
        'Models',
        {
            'model path': check_model_path,
            'models': check_model_files,
            'default model': check_default_model,
            'built engines': check_plan_cache,
        },
    )


def check_model_path() -> Iterator[Finding]:
    """Where models are looked for."""
    from drivseg_ros.model.store import MODEL_PATH_VARIABLE, model_directories

    directories = model_directories()
    yield Finding('model path', ', '.join(map(str, directories)))
    for directory in directories:
        if not directory.is_dir():
            yield problem(
                'model path',
                f'there is no folder {directory}',
                f'make it, or correct ${MODEL_PATH_VARIABLE}',
            )


def check_model_files() -> Iterator[Finding]:
    """Every model that is found, the unusable ones with the reason."""
    from drivseg_ros.model.store import BrokenModel, list_models

    for model in list_models():
        if isinstance(model, BrokenModel):
            yield problem(
                model.path.name, model.reason, 'export or download it again, or remove it'
            )
            continue
        card = model.card
        batch = 'any batch' if model.batch is None else f'batch {model.batch}'
        yield Finding(
            model.path.stem,
            f'{card.precision}, {card.input_width}x{card.input_height}, {batch}, '
            f'{card.num_classes} classes, sha256 {model.sha256[:12]}',
            data={'sha256': model.sha256},
        )


def check_default_model() -> Iterator[Finding]:
    """Whether the model that is taken when none is named can be read."""
    from drivseg_ros.errors import DrivsegError
    from drivseg_ros.model.store import DEFAULT_MODEL, find_model

    try:
        yield Finding('default model', str(find_model(DEFAULT_MODEL).path))
    except DrivsegError as error:
        yield problem('default model', 'cannot be used', str(error), stops=True)


def check_plan_cache() -> Iterator[Finding]:
    """Where built engines are kept, how large they are, how much room is left."""
    from drivseg_ros.engines.plan_cache import cache_directory

    folder = cache_directory()
    files = [file for file in folder.rglob('*') if file.is_file()]
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free_mb = shutil.disk_usage(existing).free / 1e6
    size_mb = sum(file.stat().st_size for file in files) / 1e6
    value = f'{size_mb:.1f} MB in {len(files)} files in {folder}, {free_mb / 1e3:.1f} GB free'
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield problem(
            'built engines',
            f'{value}; it cannot be written',
            'make it writable, or set $DRIVSEG_CACHE to a folder that is',
        )
    elif free_mb < _LITTLE_ROOM_MB:
        yield note('built engines', value, 'make room: drivseg engine prune')
    else:
        yield Finding('built engines', value)
