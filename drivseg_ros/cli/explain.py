# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg explain`: where a network looks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivseg_ros.base.json_data import json_text
from drivseg_ros.base.whole_file import whole_file, write_whole
from drivseg_ros.cli.console import out
from drivseg_ros.cli.output_file import check_writable
from drivseg_ros.errors import ParameterError

if TYPE_CHECKING:
    from drivseg_ros.lab.explaining.explanation import Explanation


def explain(
    image: Annotated[Path, typer.Argument(help='A picture, .jpg or .png.')],
    model: Annotated[Path, typer.Option(help='A checkpoint, .safetensors.')],
    output: Annotated[Path, typer.Option('--output', '-o', help='The page to write, .png.')],
    method: Annotated[
        str,
        typer.Option(
            help='attention (of SegFormer), grad-cam, or auto: attention where there is one.'
        ),
    ] = 'auto',
    classes: Annotated[
        list[str] | None,
        typer.Option(
            '--class',
            help='Of grad-cam: explain this class (every class with a role without it); may be '
            'given several times. Of attention: the mean over the pixels predicted as it.',
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar='X,Y',
            help='A pixel of the picture to ask about; may be given several times. Of attention '
            'without it: the road before the car.',
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(metavar='X,Y,WIDTH,HEIGHT', help='A rectangle of the picture to ask about.'),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            help="Of grad-cam: a stage (stage1, ..., decoder) or a module by name; the encoder's "
            'end without it.'
        ),
    ] = None,
    block: Annotated[
        str, typer.Option(help="Of attention: last (each stage's last block), or mean (over all).")
    ] = 'last',
    json_file: Annotated[
        Path | None, typer.Option('--json', help='Also write maps and figures as JSON.')
    ] = None,
    npz_file: Annotated[
        Path | None, typer.Option('--npz', help='Also write the maps as NumPy arrays.')
    ] = None,
    overwrite: Annotated[
        bool, typer.Option('--overwrite', help='Replace files that are there.')
    ] = False,
) -> None:
    """Draw what a network looks at: SegFormer's attention, or class-activation maps.

    Attention is drawn for each stage and head. Class-activation maps (Grad-CAM, adapted to
    segmentation) tell which places speak for a class, over the pixels predicted as it, or over
    --at or --region.
    """
    _check_files(image, {output: '.png', json_file: '.json', npz_file: '.npz'}, overwrite)
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
        load_subject(model, image),
        method=method,
        classes=classes or (),
        spot=spot,
        layer=layer,
        block=block,
    )
    draw_page(found, output)
    _write_numbers(found, json_file, npz_file)
    out.print(f'{found.card.name}: {found.question}', markup=False, soft_wrap=True)
    for path in (output, json_file, npz_file):
        if path is not None:
            out.print(f'  {path}', markup=False, soft_wrap=True)


def _check_files(image: Path, files: dict[Path | None, str], overwrite: bool) -> None:
    for path, suffix in files.items():
        if path is None:
            continue
        if path.suffix.lower() != suffix:
            raise ParameterError(f'{path} must end in {suffix}, which is what is written')
        if path.exists() and image.exists() and path.samefile(image):
            raise ParameterError(f'{path} is the picture to explain; name another file')
        if path.exists() and not overwrite:
            raise ParameterError(f'{path} is there; name another file, or replace it (--overwrite)')
        check_writable(path)


def _numbers(text: str, count: int, form: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(',')]
    if len(parts) != count or not all(part.isascii() and part.isdigit() for part in parts):
        raise ParameterError(f'{text!r} is not understood; write {form} in whole pixels')
    return tuple(int(part) for part in parts)


def _write_numbers(found: Explanation, json_file: Path | None, npz_file: Path | None) -> None:
    if json_file is not None:
        write_whole(json_file, json_text(found.describe()))
    if npz_file is not None:
        import numpy as np

        arrays: dict[str, Any] = {heat.name: heat.values for heat in found.maps}
        with whole_file(npz_file) as partial:
            np.savez(partial, **arrays)
