# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a candidate to the model file that is measured: train, take up, load, export."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivseg_ros.lab.comparing.candidates import Candidate
from drivseg_ros.lab.comparing.runs import Means, trained, training_facts
from drivseg_ros.model.file import ModelFile, read_model_file

if TYPE_CHECKING:
    from drivseg_ros.lab.training.recipe import Recipe
    from drivseg_ros.lab.training.reporter import Reporter

_LONGEST = 100  # letters; folders take names of 255 bytes


@dataclass(frozen=True)
class Prepared:
    """A network that can be measured.

    Args:
        file: its model file, .onnx.
        parameters: learned values.
        gmacs: multiply-accumulate operations for one image, in 10^9.
        facts: where it comes from, as plain data.
    """

    file: ModelFile
    parameters: int
    gmacs: float
    facts: dict[str, Any] = field(default_factory=dict)


def check_size(recipe: Recipe) -> None:
    """Shows the recipe's network, untrained, a black image of the recipe's size.

    Raises:
        ModelError: if the architecture does not take that size.
        MissingDependencyError: if it needs a library that is not installed.
    """
    import torch

    from drivseg_ros.networks.registry import create_network

    network = create_network(recipe.architecture, num_classes=len(recipe.classes)).eval()
    with torch.inference_mode():
        network(torch.zeros(1, 3, recipe.height, recipe.width))


def prepare(
    candidate: Candidate, name: str, output: Path, means: Means, reporter: Reporter
) -> Prepared:
    """Makes the model file of a candidate.

    A recipe is trained in OUTPUT/runs/NAME; a run that is finished there is loaded, one that is
    not goes on. Checkpoints are exported to OUTPUT/models; a model file is taken as it is.

    Args:
        candidate: recipe or file.
        name: of its model file, without the ending; see `file_names`.
        output: the folder of the comparison.
        means: what training may use.
        reporter: listens to the training.

    Raises:
        DrivsegError: if it cannot be made.
    """
    if candidate.recipe is not None:
        checkpoint, facts = trained(
            candidate.recipe, output / 'runs' / candidate.recipe.name, means, reporter
        )
        return _exported(checkpoint, name, output, facts)
    if candidate.file is None:
        raise ValueError('a candidate has a recipe or a file')
    facts = {'source': candidate.file.path.name, **_provenance(candidate.file)}
    if candidate.file.is_checkpoint:
        return _exported(candidate.file.path, name, output, facts)
    from drivseg_ros.lab.comparing.graph_size import measure_graph

    size = measure_graph(candidate.file.path)
    return Prepared(
        candidate.file, size.parameters, size.gmacs, {**facts, 'counted_by': 'the graph'}
    )


def _exported(checkpoint: Path, name: str, output: Path, facts: dict[str, Any]) -> Prepared:
    from drivseg_ros.lab.exporting.export import export_onnx
    from drivseg_ros.networks.checkpoint import load_checkpoint
    from drivseg_ros.networks.complexity import gmacs, parameters

    network, card = load_checkpoint(checkpoint)
    path = output / 'models' / f'{name}.onnx'
    export_onnx(network, path, card)
    return Prepared(
        read_model_file(path),
        parameters(network),
        gmacs(network, card.input_width, card.input_height),
        {**facts, 'counted_by': 'the network'},
    )


def file_names(titles: Sequence[str]) -> list[str]:
    """Titles as names of files, without an ending; no two are the same, nor hidden."""
    names: list[str] = []
    for title in titles:
        name = plain = re.sub(r'[^\w.-]+', '_', title).strip('_.')[:_LONGEST] or 'network'
        number = 1
        while name in names:
            number += 1
            name = f'{plain}_{number}'
        names.append(name)
    return names


def _provenance(file: ModelFile) -> dict[str, Any]:
    """What its card says of its training, as `trained` gives it; nothing of cards by others."""
    provenance = file.card.provenance
    if not isinstance(provenance.get('epoch'), str):
        return {}
    return training_facts(provenance)
