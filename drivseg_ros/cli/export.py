# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg export`: the model file of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import out
from drivseg_ros.cli.options import ModelOutput, Overwrite


def export(
    checkpoint: Annotated[Path, typer.Argument(help='Checkpoint, .safetensors.')],
    output: ModelOutput,
    overwrite: Overwrite = False,
) -> None:
    """Write a checkpoint as a model file that every engine runs.

    The two are compared before the file is kept.
    """
    check_output_files([output], overwrite=overwrite, sources=[checkpoint], suffixes=['.onnx'])
    from drivseg_ros.lab.exporting.export import export_onnx
    from drivseg_ros.networks.checkpoint import load_checkpoint
    from drivseg_ros.networks.layers import inference_parameters

    network, card = load_checkpoint(checkpoint)
    export_onnx(network, output, card)
    out.print(
        f'{output}: {card.name}, {card.input_width}x{card.input_height}, {card.num_classes} '
        f'classes, {inference_parameters(network) / 1e6:.2f} M parameters, '
        f'{output.stat().st_size / 1e6:.1f} MB; same masks as the checkpoint',
        markup=False,
        soft_wrap=True,
    )
