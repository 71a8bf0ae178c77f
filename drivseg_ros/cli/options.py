# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share: which network runs, and on what."""

from __future__ import annotations

from typing import Annotated

import typer

from drivseg_ros.engines import ENGINE_NAMES
from drivseg_ros.engines.base import MAX_THREADS
from drivseg_ros.model_card import PRECISIONS

Model = Annotated[str, typer.Option(help='A name that `drivseg models` lists, or a path.')]
EngineName = Annotated[str, typer.Option('--engine', help=f'One of {", ".join(ENGINE_NAMES)}.')]
Device = Annotated[
    str, typer.Option(help='auto, cpu, cuda or cuda:INDEX; with openvino also gpu or npu.')
]
Precision = Annotated[
    str,
    typer.Option(help=f"auto (the model file's own), {', '.join(PRECISIONS)}."),
]
Threads = Annotated[
    int, typer.Option(min=0, max=MAX_THREADS, help='CPU threads; 0: the engine chooses.')
]
ImageTopic = Annotated[str | None, typer.Option(help='The topic of the images in a bag.')]
LabelTopic = Annotated[
    str | None, typer.Option(help="The bag's labels (mono8, the model's class ids).")
]
MinAgreement = Annotated[
    float, typer.Option(min=0, max=100, help='Lowest share of equal pixels, in percent.')
]
MaxMiouChange = Annotated[
    float, typer.Option(min=0, max=100, help='Largest change of the mIoU, in points.')
]
