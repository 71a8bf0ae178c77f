# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg bag`: what is in a bag, and bags from pictures, videos, drives and data sets."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape
from rich.table import Table

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli import bag_dataset, bag_make
from drivseg_ros.cli.console import out, write_json
from drivseg_ros.cli.options import Bag, JsonFile, Overwrite

if TYPE_CHECKING:
    from drivseg_ros.bags.reader import BagReader

app = typer.Typer(help='Look into bags and make them.', no_args_is_help=True)
app.command('from-images')(bag_make.from_images)
app.command('from-video')(bag_make.from_video)
app.command('from-scenes')(bag_make.from_scenes)
app.command('from-dataset')(bag_dataset.from_dataset)
app.command('to-images')(bag_dataset.to_images)


@app.command()
def info(bag: Bag, json: JsonFile = None, overwrite: Overwrite = False) -> None:
    """Show what is in a bag: times, topics, rates, image sizes."""
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.bags.dataset_info import read_dataset_info
    from drivseg_ros.bags.reader import BagReader

    with BagReader(bag) as reader:
        facts = _facts(reader)
    head = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name in ('bag', 'storage', 'unfinished', 'size_bytes', 'messages', 'duration_s', 'start'):
        if facts[name] != '':
            head.add_row(name, escape(str(facts[name])))
    if (dataset := read_dataset_info(bag)) is not None:
        head.add_row('data set', escape(dataset.name))
        head.add_row('classes', escape(', '.join(f'{c.id} {c.name}' for c in dataset.classes)))
    out.print(head)
    for topic in facts['topics']:
        out.print(topic['name'], style='bold', markup=False, soft_wrap=True)
        parts = [topic['type'], f'{topic["count"]} messages']
        if topic['rate_hz'] is not None:
            parts.append(f'{topic["rate_hz"]:.2f} Hz')
        if topic['pictures']:
            parts.append(topic['pictures'])
        out.print('    ' + '  '.join(parts), markup=False, soft_wrap=True)
        for offer in topic['qos']:
            out.print(f'    offered {offer}', markup=False, soft_wrap=True)
    write_json(json, facts)


def _facts(reader: BagReader) -> dict[str, Any]:
    from drivseg_ros.bags.custom_data import read_custom_data

    path = reader.path
    files = [f for f in path.rglob('*') if f.is_file()] if path.is_dir() else [path]
    start = datetime.datetime.fromtimestamp(reader.start_ns / 1e9, datetime.timezone.utc)
    return {
        'bag': str(path),
        'storage': reader.storage,
        'unfinished': reader.unfinished,
        'size_bytes': sum(f.stat().st_size for f in files),
        'messages': reader.count,
        'duration_s': round(reader.duration_s, 6),
        'start_ns': reader.start_ns,
        'start': start.isoformat(timespec='milliseconds') if reader.count else '',
        'custom_data': read_custom_data(path),
        'topics': [
            {
                'name': t.name,
                'type': t.msgtype,
                'count': t.count,
                'rate_hz': (
                    (t.count - 1) / reader.duration_s
                    if t.count > 1 and reader.duration_s > 0
                    else None
                ),
                'pictures': _first_picture(reader, t.name),
                'qos': [str(q) for q in t.qos],
            }
            for t in reader.topics.values()
        ],
    }


def _first_picture(reader: BagReader, topic: str) -> str:
    """Size and encoding of the first image of a topic; '' for other topics."""
    from drivseg_ros.bags.typestore import IMAGE_TYPES
    from drivseg_ros.errors import BagError, ImageError
    from drivseg_ros.images.codec import decode_compressed_image

    info = reader.topics[topic]
    if info.msgtype not in IMAGE_TYPES or not info.count:
        return ''
    recorded = next(reader.messages([topic]))
    try:
        message = recorded.message
        if info.msgtype == IMAGE_TYPES[0]:
            return f'{message.width}x{message.height} {message.encoding}'
        height, width = decode_compressed_image(message).shape[:2]
    except ImageError as error:
        return f'cannot be decoded ({error.kind})'
    except (AttributeError, BagError) as error:  # a type of that name with other fields
        return f'cannot be decoded ({error})'
    return f'{width}x{height} {message.format}'
