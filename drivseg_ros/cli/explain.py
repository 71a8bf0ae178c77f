# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg explain`: where a network looks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.cli.console import out, print_path, write_json
from drivseg_ros.cli.options import JsonFile, Overwrite
from drivseg_ros.errors import ParameterError


def explain(
    image: Annotated[Path, typer.Argument(help='Picture: .jpg, .png, .webp, .tif, ...')],
    model: Annotated[str, typer.Option(help='Checkpoint, .safetensors.')],
    output: Annotated[Path, typer.Option('--output', '-o', help='Page to write, .png.')],
    method: Annotated[
        str, typer.Option(help='attention (SegFormer), grad-cam, or auto: attention if it has it.')
    ] = 'auto',
    classes: Annotated[
        list[str] | None,
        typer.Option(
            '--class',
            help='Class to explain, by name; repeatable.',
            show_default='all with a role',
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar='X,Y',
            help='Pixel of the picture to explain; repeatable.',
            show_default='with attention the road ahead, else all of the class',
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar='X,Y,WIDTH,HEIGHT',
            help='Rectangle of the picture to explain.',
            show_default=False,
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            help='Layer for grad-cam: stage1, ..., decoder, or the name of a module.',
            show_default='end of the encoder',
        ),
    ] = None,
    block: Annotated[
        str, typer.Option(help='Block of each stage for attention: last, or the mean of all.')
    ] = 'last',
    npz: Annotated[
        Path | None, typer.Option(help='Write the maps as NumPy arrays.', show_default=False)
    ] = None,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw what a network looks at: attention, or Grad-CAM.

    Attention (SegFormer) is drawn for each stage and head. Class activation maps show which places
    raise the score of a class, for the pixels predicted as it, or for --at or --region.
    """
    check_output_files([output, npz, json], overwrite=overwrite, sources=[image])
    for path, suffix in ((output, '.png'), (npz, '.npz')):
        check_output_files([path], overwrite=True, suffixes=[suffix])
    from drivseg_ros.lab.explaining.explain import explain as make
    from drivseg_ros.lab.explaining.page import draw_page
    from drivseg_ros.lab.explaining.pixels import Spot
    from drivseg_ros.lab.explaining.subject import load_subject

    points = [_numbers(text, 2, '--at X,Y') for text in at or []]
    rectangle = _numbers(region, 4, '--region X,Y,WIDTH,HEIGHT') if region is not None else None
    spot = None
    if points or rectangle:
        spot = Spot(points=tuple(points), region=rectangle)  # type: ignore[arg-type]
    found = make(
        load_subject(Path(model), image),
        method=method,
        classes=classes or (),
        spot=spot,
        layer=layer,
        block=block,
    )
    draw_page(found, output)
    out.print(f'{found.card.name}: {found.question}', markup=False, soft_wrap=True)
    print_path(output)
    if npz is not None:
        import numpy as np

        with whole_file(npz) as partial:
            arrays: dict[str, Any] = {heat.name: heat.values for heat in found.maps}
            np.savez(partial, **arrays)
        print_path(npz)
    write_json(json, found.describe())


def _numbers(text: str, count: int, form: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(',')]
    if len(parts) != count or not all(part.isascii() and part.isdigit() for part in parts):
        raise ParameterError(f'{text!r} is not understood; write {form} in whole pixels')
    return tuple(int(part) for part in parts)
