# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The nodes that are measured: a command each, and the topics it reads and writes."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivseg_ros.base.topics import IMAGE_OUTPUTS, output_topic
from drivseg_ros.errors import ParameterError

PLACEHOLDERS = ('python', 'model', 'threads', 'image_topic', 'image_topics', 'transport')
"""What may stand in braces in a command."""
IMAGE_TOPIC = '/camera{n}/image_raw'
"""The topic that images are sent to; {n} is the camera's number, from 1."""
OURS = 'drivseg_ros'
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9 ._+-]*')


@dataclass(frozen=True)
class NodeUnderTest:
    """A node.

    Attributes:
        name: what to call it.
        command: program and arguments, with PLACEHOLDERS in braces.
        image_topic: what it subscribes to, with {n}; without /compressed.
        outputs: what it publishes, with {n}; the first one is measured, the others are
            subscribed to, so that it has the work.

    Raises:
        ParameterError: if something is missing.
    """

    name: str
    command: tuple[str, ...]
    image_topic: str = IMAGE_TOPIC
    outputs: tuple[str, ...] = (output_topic(IMAGE_TOPIC, 'mask'),)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ParameterError(
                f'a node cannot be called {self.name!r}; give letters and digits, such as peer'
            )
        if not self.command:
            raise ParameterError(f'the node {self.name} has no command; write NAME=COMMAND')
        if not self.outputs:
            raise ParameterError(f'the node {self.name} has no output; name at least one topic')
        for topic in (self.image_topic, *self.outputs):
            if not topic.startswith('/') or topic.endswith('/'):
                raise ParameterError(
                    f'{topic!r} of the node {self.name} is no topic; write it like {IMAGE_TOPIC}'
                )

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        inputs: Mapping[str, str],
        outputs: Mapping[str, Sequence[str]],
        listen: Sequence[str] = ('mask',),
    ) -> NodeUnderTest:
        """Reads 'NAME=COMMAND'.

        Args:
            text: what to read.
            inputs: what nodes subscribe to, by name, where it is not IMAGE_TOPIC.
            outputs: what nodes publish, by name, where it is not what ours does.
            listen: the names of ours that are subscribed to.

        Raises:
            ParameterError: if it is anything else.
        """
        name, equals, command = text.partition('=')
        try:
            words = tuple(shlex.split(command))
        except ValueError as error:
            raise ParameterError(
                f'the command of {text!r} cannot be read ({error}); check its quotes'
            ) from None
        if not equals or not words:
            raise ParameterError(f'the node {text!r} is not understood; write NAME=COMMAND')
        return cls(
            name=name,
            command=words,
            image_topic=inputs.get(name, IMAGE_TOPIC),
            outputs=tuple(outputs.get(name, ())) or _contract(listen),
        )

    @classmethod
    def ours(
        cls, *, engine: str, device: str, precision: str, outputs: Sequence[str]
    ) -> NodeUnderTest:
        """The node of this package.

        Args:
            engine: as the node's parameter; the next two likewise.
            device: see there.
            precision: see there.
            outputs: the image outputs that are subscribed to; the first is measured.

        Raises:
            ParameterError: if an output is unknown.
        """
        values = {
            'model': '{model}',
            'engine': engine,
            'device': device,
            'precision': precision,
            'threads': '{threads}',
            'image_topics': '{image_topics}',
            'image_transport': '{transport}',
        }
        parameters = [word for key, value in values.items() for word in ('-p', f'{key}:={value}')]
        return cls(
            name=OURS,
            command=('{python}', '-m', 'drivseg_ros.node', '--ros-args', *parameters),
            outputs=_contract(outputs),
        )

    def image_topics(self, cameras: int) -> list[str]:
        """The topic of each camera, without /compressed.

        Raises:
            ParameterError: if several cameras would have one topic.
        """
        return self._topics(self.image_topic, cameras)

    def output_topics(self, cameras: int) -> list[list[str]]:
        """The outputs of each camera, the measured one first; Raises as `image_topics`."""
        columns = [self._topics(topic, cameras) for topic in self.outputs]
        return [list(row) for row in zip(*columns, strict=True)]

    def command_line(self, *, model: str, threads: int, cameras: int, transport: str) -> list[str]:
        """The command with its placeholders filled in.

        Args:
            model: path of the model file.
            threads: CPU threads of the runtime.
            cameras: how many.
            transport: 'raw' or 'compressed'.
        """
        topics = self.image_topics(cameras)
        values = {
            'python': sys.executable,
            'model': model,
            'threads': str(threads),
            'image_topic': topics[0],
            'image_topics': f'[{", ".join(topics)}]',
            'transport': transport,
        }
        pattern = re.compile(r'\{(' + '|'.join(PLACEHOLDERS) + r')\}')
        return [pattern.sub(lambda found: values[found[1]], word) for word in self.command]

    def _topics(self, pattern: str, cameras: int) -> list[str]:
        topics = [pattern.replace('{n}', str(number)) for number in range(1, cameras + 1)]
        if len(set(topics)) < cameras:
            raise ParameterError(
                f'{cameras} cameras would share the topic {pattern} of the node {self.name}; put '
                "{n}, the camera's number, into it"
            )
        return topics


def _contract(outputs: Sequence[str]) -> tuple[str, ...]:
    """The topics of outputs as our node names them."""
    for name in outputs:
        if name not in IMAGE_OUTPUTS:
            raise ParameterError(
                f'the output {name!r} is unknown; allowed are {", ".join(IMAGE_OUTPUTS)}'
            )
    return tuple(output_topic(IMAGE_TOPIC, name) for name in outputs)
