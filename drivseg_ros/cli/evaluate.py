# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg evaluate`: how good a network is on labelled frames, and whether it keeps limits."""

from __future__ import annotations

import dataclasses

import typer

from drivseg_ros.cli import evaluation_options as options
from drivseg_ros.cli.console import progress_bar
from drivseg_ros.cli.options import (
    DataFolder,
    Device,
    EngineName,
    ImageTopic,
    JsonFile,
    Labels,
    LabelTopic,
    Limit,
    MaskTopic,
    Overwrite,
    Precision,
    Seed,
    Speed,
    Threads,
)
from drivseg_ros.model.store import DEFAULT_MODEL


def evaluate(
    frames: options.Frames,
    model: options.EvaluatedModel = None,
    engine: EngineName = 'auto',
    device: Device = 'auto',
    precision: Precision = 'auto',
    threads: Threads = 0,
    labels: Labels = None,
    image_topic: ImageTopic = None,
    label_topic: LabelTopic = None,
    mask_topic: MaskTopic = None,
    confidence_topic: options.ConfidenceTopic = None,
    mask_classes: options.MaskClasses = None,
    data_folder: DataFolder = None,
    limit: Limit = None,
    attributes: options.AttributesFile = None,
    bands: options.Bands = 4,
    boundary: options.Boundary = 0.02,
    sequence: options.Sequence = None,
    draws: options.Draws = 1000,
    seed: Seed = 0,
    resample: options.Resample = 'auto',
    json: JsonFile = None,
    junit: options.JunitFile = None,
    html: options.HtmlFile = None,
    baseline: options.Baseline = None,
    max_drop: options.MaxDrop = None,
    max_rise: options.MaxRise = None,
    least: options.Least = None,
    most: options.Most = None,
    beyond_noise: options.BeyondNoise = False,
    jobs: options.Jobs = None,
    ray: options.RayAddress = None,
    output: options.Output = None,
    resume: options.Resume = False,
    live: options.Live = False,
    temporal: options.Temporal = 'none',
    speed: Speed = 1.0,
    overwrite: Overwrite = False,
) -> None:
    """Evaluate a network, or recorded masks, on labelled frames.

    Limits make it a check for continuous integration. --speed is that of a --live run. The exit
    status is 1 if a limit is broken, or a frame or a bag cannot be read. Ctrl-C ends it early; what
    was done is written, and the exit status is 130.
    """
    from drivseg_ros.bags.topics import BagTopics
    from drivseg_ros.cli.evaluation_many import ManyOptions, evaluate_bags
    from drivseg_ros.cli.evaluation_outcome import Outcome, parse_limits
    from drivseg_ros.cli.evaluation_run import run_shown
    from drivseg_ros.evaluation.evaluation_file import read_evaluation
    from drivseg_ros.evaluation.request import EvaluationRequest, open_evaluation

    outcome = Outcome(
        parse_limits(least, most, max_drop, max_rise),
        baseline,
        None if baseline is None else read_evaluation(baseline),
        beyond_noise,
        json,
        junit,
        html,
        overwrite,
    )
    several = ManyOptions(jobs, ray, output, resume, overwrite)
    request = EvaluationRequest(
        frames[0],
        model if mask_topic is not None else model or DEFAULT_MODEL,
        engine=engine,
        device=device,
        precision=precision,
        threads=threads,
        topics=BagTopics(image_topic, label_topic, mask_topic, confidence_topic),
        labels=labels,
        mask_classes=mask_classes,
        data=None if data_folder is None else str(data_folder),
        limit=limit,
        attributes=None if attributes is None else str(attributes),
        resample=resample,
        bands=bands,
        boundary=boundary,
        sequence=sequence,
        draws=draws,
        seed=seed,
        live=live,
        temporal=temporal,
        speed=speed,
        pictures=html is not None,
    )
    interrupted = 0
    if len(frames) > 1 or several.given:
        requests = [dataclasses.replace(request, frames=text) for text in frames]
        many = evaluate_bags(requests, several, outcome)
        result = many.merge()
        passed = outcome.complete(result, many)
    else:
        with open_evaluation(request) as opened, progress_bar() as progress:
            outcome.check_terms(opened.terms)
            title = 'playing to the node' if live else 'frames'
            result, interrupted = run_shown(opened, progress, title, sinks=outcome.sinks)
        passed = outcome.complete(result)
    if result.interrupted:
        raise typer.Exit(interrupted or 130)
    if not passed:
        raise typer.Exit(1)
