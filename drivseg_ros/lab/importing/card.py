# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The import card: what somebody has to know of a network to use it.

`card_file.py` reads it from YAML; docs/import_cards.md says how it is written.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from drivseg_ros.errors import ModelError
from drivseg_ros.model.card import MAX_INPUT_SIDE, ModelClass, Resize, Role

REST = 'rest'
"""Instead of a list of channels: all those of the output that no other class takes."""
DEFAULT_THRESHOLD = 0.5


class Color(str, enum.Enum):
    """The order in which the network takes the colours."""

    RGB = 'rgb'
    BGR = 'bgr'


class Layout(str, enum.Enum):
    """The order of a tensor's axes: batch, channels, height, width."""

    NCHW = 'nchw'
    NHWC = 'nhwc'


class Activation(str, enum.Enum):
    """What an output's numbers are, and so what remains to be done to them."""

    SOFTMAX = 'softmax'
    """Logits, one channel a class."""
    PROBABILITIES = 'probabilities'
    """Probabilities, one channel a class, or one channel alone."""
    SIGMOID = 'sigmoid'
    """The logit of one channel alone."""
    CLASS_IDS = 'class_ids'
    """The number of the winning channel: the argmax is inside the network."""


@dataclass(frozen=True)
class InputSpec:
    """What the network takes. A value is (grey level 0..255 x scale - mean) / std.

    Args:
        color: the order of the colours.
        scale: factor of the grey levels.
        resize: how images are brought to the input's size.
        mean: of the channels in the network's order, in units of the scaled levels.
        std: likewise; not 0.
        layout: of the axes.
        name: the input's name; needed where the network has several.
        width: in pixels; needed where the network leaves it free.
        height: likewise.

    Raises:
        ModelError: if a value is not allowed.
    """

    color: Color
    scale: float
    resize: Resize
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    layout: Layout = Layout.NCHW
    name: str | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale) or self.scale <= 0:
            raise ModelError(
                f"the import card's input has the scale {self.scale}; a number above 0 is allowed "
                '(1/255 brings grey levels to 0..1, 1 leaves them)'
            )
        for name, values in (('mean', self.mean), ('std', self.std)):
            if len(values) != 3 or not all(map(math.isfinite, values)):
                raise ModelError(
                    f"the import card's input has the {name} {list(values)}; three numbers are "
                    "allowed, one for each channel in the network's order"
                )
        if min(self.std) <= 0:
            raise ModelError(
                f"the import card's input has the std {list(self.std)}; numbers above 0 are allowed"
            )
        for name, size in (('width', self.width), ('height', self.height)):
            if size is not None and not 1 <= size <= MAX_INPUT_SIDE:
                raise ModelError(
                    f"the import card's input has the {name} {size}; 1 to {MAX_INPUT_SIDE} pixels "
                    'are allowed'
                )


@dataclass(frozen=True)
class OutputSpec:
    """One of the network's outputs that is used: a head.

    Args:
        activation: what its numbers are.
        name: its name; needed where the network or the card has several.
        threshold: of a head with one channel: the probability above which it is there.
        layout: of its axes.

    Raises:
        ModelError: if a value is not allowed, or contradicts another.
    """

    activation: Activation
    name: str | None = None
    threshold: float | None = None
    layout: Layout = Layout.NCHW

    def __post_init__(self) -> None:
        if self.threshold is None:
            return
        if self.activation not in (Activation.SIGMOID, Activation.PROBABILITIES):
            raise ModelError(
                f"the import card's output {self.label} has a threshold and the activation "
                f'{self.activation.value}; a threshold goes with sigmoid, or with probabilities '
                'of one channel; take it out'
            )
        if not 0 < self.threshold < 1:
            raise ModelError(
                f"the import card's output {self.label} has the threshold {self.threshold}; a "
                'probability between 0 and 1 is allowed'
            )

    @property
    def label(self) -> str:
        """Its name for a sentence."""
        return repr(self.name) if self.name else '(the only one)'


@dataclass(frozen=True)
class ClassSpec:
    """A class of the model to be made.

    Args:
        name: its name.
        color: red, green, blue.
        role: its role.
        channels: the channels of the output that mean it (of an output with the argmax inside,
            the ids), or REST.
        output: the name of the output; needed where the card has several.
        over: of a class of a later output: the classes of the earlier ones on which it is
            painted; () means all of them.
    """

    name: str
    color: tuple[int, int, int]
    role: Role
    channels: tuple[int, ...] | str
    output: str | None = None
    over: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportCard:
    """An import card that contradicts itself nowhere.

    Args:
        input: what the network takes.
        outputs: the outputs that are used. The first one decides every pixel; each later one is
            painted over the result where one of its channels wins that a class takes.
        classes: the classes; their ids are their places in this order.
        name: the model's name; None takes the output file's.
        architecture: for the model card.
        description: for the model card.
        license: for the model card.

    Raises:
        ModelError: if the classes do not fit the outputs or each other.
    """

    input: InputSpec
    outputs: tuple[OutputSpec, ...]
    classes: tuple[ClassSpec, ...]
    name: str | None = None
    architecture: str = ''
    description: str = ''
    license: str = ''

    def __post_init__(self) -> None:
        if not self.outputs:
            raise ModelError('the import card has no outputs; name at least one')
        names = [output.name for output in self.outputs]
        if len(names) > 1 and (None in names or len(set(names)) < len(names)):
            raise ModelError(
                f'the import card has outputs of the names {names}; where there are several, '
                'each needs its own name'
            )
        self.model_classes()  # refuses what a model card would refuse
        class_names = [c.name for c in self.classes]
        if len(set(class_names)) < len(class_names):
            raise ModelError(
                f'the import card has classes of the names {class_names}; each may occur once only'
            )
        for c in self.classes:
            if len(names) > 1 and c.output not in names:
                raise ModelError(
                    f'class {c.name!r} of the import card has the output {c.output!r}; with '
                    f'several outputs each class names one of {names}'
                )
            if len(names) == 1 and c.output not in (None, names[0]):
                raise ModelError(
                    f'class {c.name!r} of the import card has the output {c.output!r}; the card '
                    f'lists only {names[0]!r}: correct it, or leave it out'
                )
        for index, output in enumerate(self.outputs):
            self._check_output(index, output)

    def classes_of(self, index: int) -> tuple[ClassSpec, ...]:
        """The classes that an output's channels mean."""
        if len(self.outputs) == 1:
            return self.classes
        return tuple(c for c in self.classes if c.output == self.outputs[index].name)

    def class_id(self, name: str) -> int:
        """The id of a class in the model."""
        return [c.name for c in self.classes].index(name)

    def model_classes(self) -> tuple[ModelClass, ...]:
        """The classes as the model card lists them."""
        return tuple(ModelClass(i, c.name, c.color, c.role) for i, c in enumerate(self.classes))

    def _check_output(self, index: int, output: OutputSpec) -> None:
        classes = self.classes_of(index)
        if not classes:
            raise ModelError(
                f'no class of the import card takes the output {output.label}; give it a class, '
                'or leave the output out'
            )
        if index and output.activation is Activation.CLASS_IDS:
            raise ModelError(
                f"the import card's output {output.label} has the activation class_ids; only the "
                'first output may, because a later one is painted by its probability'
            )
        earlier = {c.name for i in range(index) for c in self.classes_of(i)}
        taken: dict[int, list[ClassSpec]] = {}
        for c in classes:
            self._check_class(c, index, earlier)
            for channel in c.channels if isinstance(c.channels, tuple) else ():
                taken.setdefault(channel, []).append(c)
        for channel, sharing in taken.items():
            grounds = [name for c in sharing for name in (c.over or tuple(earlier))]
            if len(sharing) > 1 and (not index or len(set(grounds)) < len(grounds)):
                raise ModelError(
                    f'channel {channel} of output {output.label} belongs to the classes '
                    f'{[c.name for c in sharing]}; one is allowed, or in a later output several '
                    'over different classes'
                )
        if sum(c.channels == REST for c in classes) > 1:
            raise ModelError(
                f'several classes of output {output.label} have the channels {REST!r}; one may'
            )

    def _check_class(self, c: ClassSpec, index: int, earlier: set[str]) -> None:
        if index and c.channels == REST:
            raise ModelError(
                f"class {c.name!r} has the channels {REST!r}, but its output is not the card's "
                'first one; there, what no class takes lets the earlier outputs through: list '
                'its channels'
            )
        if c.over and (not index or not set(c.over) <= earlier):
            raise ModelError(
                f'class {c.name!r} is painted over {list(c.over)}; allowed are the classes of '
                f'outputs before its own: {sorted(earlier)}'
            )
        if c.channels == REST:
            return
        channels = c.channels if isinstance(c.channels, tuple) else ()
        if not channels or min(channels) < 0 or len(set(channels)) < len(channels):
            given = list(channels) if isinstance(c.channels, tuple) else c.channels
            raise ModelError(
                f'class {c.name!r} of the import card has the channels {given!r}; a list of '
                f'numbers from 0, each once, is allowed, or {REST!r}'
            )
