# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The results of single bags in a folder, from which an interrupted evaluation goes on."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.evaluation_file import read_content, read_evaluation, write_evaluation
from drivseg_ros.evaluation.result import Evaluation

log = logging.getLogger(__name__)

_IDENTITY = 'made_of'
_LONGEST = 100


class KeptResults:
    """A file for each bag, as `drivseg evaluate --json` writes it of that bag alone.

    Args:
        folder: where they are kept; it is made with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, title: str) -> Path:
        """The file of a bag."""
        name = re.sub(r'[^\w.-]+', '_', title).lstrip('.')[:_LONGEST]
        if name != title:  # others may be left with the same name
            name += '-' + hashlib.sha256(title.encode()).hexdigest()[:8]
        return self.folder / f'{name}.json'

    def find(self, title: str, identity: Mapping[str, Any]) -> Evaluation | None:
        """The result of a bag, if it is there and of the same bag, network and settings.

        Args:
            title: of the bag.
            identity: of the evaluation, from `identify`.
        """
        path = self.path(title)
        if not path.exists():
            return None
        try:
            if read_content(path).get(_IDENTITY) != identity:
                return None
            return read_evaluation(path)
        except DataError as error:
            log.warning('%s is made again: %s', path, error)
            return None

    def keep(self, title: str, identity: Mapping[str, Any], content: Mapping[str, Any]) -> None:
        """Writes the result of a bag, whole or not at all.

        Args:
            title: of the bag.
            identity: of the evaluation, from `identify`.
            content: from `evaluation_file.describe`.

        Raises:
            DataError: if it cannot be written.
        """
        write_evaluation(self.path(title), {**content, _IDENTITY: dict(identity)})
