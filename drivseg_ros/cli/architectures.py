# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg models architectures`: the networks that can be trained, and how large they are."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import err, out, write_json
from drivseg_ros.cli.options import SIZE, JsonFile, Overwrite, parse_size
from drivseg_ros.errors import MissingDependencyError, ModelError


def architectures(
    classes: Annotated[int, typer.Option(min=2, max=255, help='Number of classes.')] = 3,
    size: Annotated[str, typer.Option(metavar='WIDTHxHEIGHT', help=SIZE)] = '640x360',
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """List the architectures that can be trained, and their size."""
    check_output_files([json], overwrite=overwrite)
    width, height = parse_size(size)
    from drivseg_ros.lab.weights.sources import SOURCES
    from drivseg_ros.networks.complexity import gmacs, parameters
    from drivseg_ros.networks.registry import ARCHITECTURES, create_network

    rows = []
    reasons = {}
    for name in sorted(ARCHITECTURES):
        try:
            network = create_network(name, num_classes=classes)
        except MissingDependencyError as error:
            reasons[name] = str(error)
            continue
        try:
            operations = gmacs(network, width, height)
        except ModelError as error:  # it takes no images of this size
            reasons[name], operations = str(error), None
        rows.append(
            {
                'architecture': name,
                'parameters': parameters(network),
                'gmacs': operations,
                'weights': sorted(w for a, w in SOURCES if a == name),
            }
        )
    out.print(_table(rows, size))
    write_json(json, rows)
    for name, reason in reasons.items():
        err.print(f'{name}: {reason}', markup=False, soft_wrap=True)


def _table(rows: list[dict], size: str) -> Table:
    right = [Column(title, justify='right') for title in ('M parameters', f'GMACs at {size}')]
    table = Table(Column('architecture', no_wrap=True), *right, 'published weights')
    for row in rows:
        table.add_row(
            escape(row['architecture']),
            f'{row["parameters"] / 1e6:.2f}',
            '-' if row['gmacs'] is None else f'{row["gmacs"]:.2f}',
            ', '.join(row['weights']) or '-',
        )
    return table
