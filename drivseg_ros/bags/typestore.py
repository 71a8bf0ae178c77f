# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Message types: their definitions and the code that (de)serialises them, without ROS installed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat, Nodetype
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from drivseg_ros.errors import BagError

HEADER = 'std_msgs/msg/Header'
LABEL_INFO = 'vision_msgs/msg/LabelInfo'
IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')

# vision_msgs 4, which the store of rosbags does not know.
_VISION_MSGS = {
    'vision_msgs/msg/VisionClass': 'uint16 class_id\nstring class_name\n',
    LABEL_INFO: 'std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n',
}
_IDL_SEPARATOR = '=' * 80 + '\n'


@dataclass(frozen=True)
class TypeDefinition:
    """A message type as a bag carries it, so that readers without that package know it too.

    Attributes:
        msgtype: e.g. 'sensor_msgs/msg/Image'.
        text: the definition with those of all types inside (ros2msg or ros2idl form).
        hash: REP 2016 type hash, 'RIHS01_...'.
    """

    msgtype: str
    text: str
    hash: str


def ros2_name(name: str) -> str:
    """The name that ROS 2 gives a type which a tool calls otherwise.

    'sensor_msgs/Image' of ROS 1 and of mcap's Python writer, 'sensor_msgs::msg::dds_::Image_' of
    DDS and 'sensor_msgs.msg.Image' are 'sensor_msgs/msg/Image'; what is none of these stays.
    """
    parts = re.split(r'::|[/.]', name)
    if 'dds_' in parts:
        parts = [*(p for p in parts[:-1] if p != 'dds_'), parts[-1].removesuffix('_')]
    if len(parts) == 2:
        parts.insert(1, 'msg')
    return '/'.join(parts) if len(parts) == 3 and all(parts) else name


@lru_cache(maxsize=1)
def standard_types() -> Typestore:
    """The message types of ROS 2 Jazzy and LabelInfo; those used here are the same in Kilted."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in _VISION_MSGS.items():
        store.register(get_types_from_msg(text, name))
    return store


def define(store: Typestore, msgtype: str) -> TypeDefinition:
    """The definition of a type that the store knows.

    Raises:
        BagError: if it does not know the type.
    """
    if msgtype not in store.fielddefs:
        raise BagError(
            f"message type '{msgtype}' is unknown here; give its definition with the topic "
            '(types of common_interfaces need none)'
        )
    text, _ = store.generate_msgdef(msgtype, ros_version=2)
    return TypeDefinition(msgtype, text, store.hash_rihs01(msgtype))


def store_from_text(text: str, msgtype: str) -> Typestore:
    """A store that knows one type and all that is inside it.

    Raises:
        BagError: if the text is no definition.
    """
    try:
        if not text.lstrip().startswith(('=' * 80 + '\nIDL: ', 'module ', '#include')):
            types = get_types_from_msg(text, msgtype)
        else:
            types = {}
            for part in text.split(_IDL_SEPARATOR):
                body = part.split('\n', 1)[1] if part.startswith('IDL: ') else part
                if body.strip():
                    types.update(get_types_from_idl(body))
        store = get_typestore(Stores.EMPTY)
        store.register(types)
        if msgtype not in store.fielddefs:
            raise ValueError(f"no type of ROS 2 is called '{msgtype}'")
    except Exception as error:  # the parser raises whatever a wrong text provokes
        reason = ' '.join(f'{error}'.split())[:200]
        raise BagError(
            f"the definition of message type '{msgtype}' cannot be read: {reason}; "
            'the topic can be copied but not decoded'
        ) from error
    return store


def store_for(definition: MessageDefinition, msgtype: str, *, ros1: bool = False) -> Typestore:
    """The store for a recorded type: from its own definition, else (old bags) the standard one.

    Args:
        definition: as the bag has it.
        msgtype: the type, in its ROS 2 name.
        ros1: the definition is ROS 1's; its Header then is replaced by ROS 2's (without seq),
            and where the type also is in ROS 2 with the same layout, ROS 2's field names are used.

    Raises:
        BagError: if the bag has no definition and the type is no standard one.
    """
    standard = standard_types()
    if definition.format == MessageDefinitionFormat.NONE or not definition.data.strip():
        if msgtype not in standard.fielddefs:
            raise BagError(
                f"the bag has no definition of message type '{msgtype}' and it is not standard; "
                'record it with storage mcap, which keeps definitions'
            )
        return standard
    store = store_from_text(definition.data, msgtype)
    if not ros1:
        return store
    types = {**store.fielddefs, HEADER: standard.fielddefs[HEADER]}
    store = get_typestore(Stores.EMPTY)
    store.register(types)
    return standard if same_layout(store, standard, msgtype) else store


def layout(store: Typestore, msgtype: str) -> tuple[Any, ...]:
    """What the serialised bytes of a type depend on: its fields' types, whatever their names."""

    def expand(description: Any) -> Any:
        kind, rest = description
        if kind == Nodetype.NAME:
            return layout(store, rest)
        if kind == Nodetype.BASE:
            # char is uint8's old name; a bound on a string changes nothing in its bytes.
            return ('uint8' if rest[0] in ('char', 'byte') else rest[0],)
        item, count = rest
        return (int(kind), expand(item), count if kind == Nodetype.ARRAY else 0)

    return tuple(expand(d) for _, d in store.fielddefs[msgtype][1])


def same_layout(one: Typestore, other: Typestore, msgtype: str) -> bool:
    """Whether both stores know the type and serialise it to the same bytes."""
    if msgtype not in one.fielddefs or msgtype not in other.fielddefs:
        return False
    return layout(one, msgtype) == layout(other, msgtype)


def starts_with_header(store: Typestore, msgtype: str) -> bool:
    """Whether the type's first field is a std_msgs/Header."""
    fields: Sequence[Any] = store.fielddefs[msgtype][1]
    return bool(fields) and fields[0][1] == (Nodetype.NAME, HEADER)


def header_stamp_ns(data: bytes) -> int:
    """The stamp of a serialised message whose first field is a header.

    Args:
        data: CDR bytes; the first four are the byte order, the stamp follows.

    Returns:
        Nanoseconds.

    Raises:
        BagError: if there are too few bytes.
    """
    if len(data) < 12:
        raise BagError(f'a message with a header has {len(data)} bytes; at least 12 are needed')
    order: Literal['little', 'big'] = 'little' if data[1] & 1 else 'big'
    seconds = int.from_bytes(data[4:8], order, signed=True)
    return seconds * 1_000_000_000 + int.from_bytes(data[8:12], order)
