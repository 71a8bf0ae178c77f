# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What one parameter may be: its type, default, range or choices, and when it may change."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drivseg_ros.errors import ParameterError

if TYPE_CHECKING:
    from rcl_interfaces.msg import ParameterDescriptor


class Kind(enum.Enum):
    """The type of a parameter, by the name a user sees."""

    STRING = 'string'
    BOOL = 'bool'
    INTEGER = 'integer'
    NUMBER = 'double'
    STRING_LIST = 'string list'


class Change(enum.Enum):
    """When a parameter may be changed, by the words a user sees."""

    ANY_TIME = 'any time'
    UNCONFIGURED = 'while unconfigured'
    NEVER = 'at start only'


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter.

    Args:
        name: its name.
        kind: its type.
        default: its default; it must be allowed.
        description: what it means, without a full stop.
        choices: the allowed values of a string, or of the elements of a list; () for any.
        minimum: the smallest allowed number.
        maximum: the largest allowed number.
        change: when it may be changed.
        unique: whether a list names each element once.

    Raises:
        ParameterError: if the default is not allowed.
    """

    name: str
    kind: Kind
    default: Any
    description: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    change: Change = Change.UNCONFIGURED
    unique: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, 'default', self.check(self.default))

    @property
    def allowed(self) -> str:
        """The choices or the range as a user reads them, or '' if there is nothing to say."""
        if self.choices:
            return ', '.join(self.choices)
        if self.minimum is not None:
            return f'{self.minimum} to {self.maximum}'
        return ''

    @property
    def meaning(self) -> str:
        """The description, with what is allowed unless it says so itself."""
        if not self.allowed or (self.choices and all(c in self.description for c in self.choices)):
            return self.description
        return f'{self.description} ({self.allowed})'

    @property
    def default_yaml(self) -> str:
        """The default as it stands in a YAML file."""
        if self.kind is Kind.STRING_LIST:
            return f'[{", ".join(self.default)}]'
        if self.kind is Kind.BOOL:
            return str(self.default).lower()
        return str(self.default)

    def check(self, value: Any) -> Any:
        """Checks a value and brings it into its type.

        A whole number is taken where a double is wanted, and one string where a list is: both
        are what a command line makes of what its user meant.

        Args:
            value: the value, as a ROS parameter holds it.

        Returns:
            The value as str, bool, int, float or tuple of str.

        Raises:
            ParameterError: if it is not allowed.
        """
        if self.kind is Kind.STRING_LIST:
            return self._check_list(value)
        if self.kind is Kind.STRING:
            return self._check_string(value)
        if self.kind is Kind.BOOL:
            if type(value) is not bool:
                raise self._refusal(value, 'true or false')
            return value
        return self._check_number(value)

    def descriptor(self) -> ParameterDescriptor:
        """The descriptor that `ros2 param describe` shows."""
        from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

        descriptor = ParameterDescriptor(
            name=self.name,
            description=self.description,
            read_only=self.change is Change.NEVER,
        )
        notes = [f'Allowed: {self.allowed}.'] if self.choices else []
        if self.change is Change.UNCONFIGURED:
            notes.append('May be changed while the node is unconfigured.')
        descriptor.additional_constraints = ' '.join(notes)
        if self.kind is Kind.INTEGER:
            limits = IntegerRange(
                from_value=int(self.minimum or 0), to_value=int(self.maximum or 0)
            )
            limits.step = 1
            descriptor.integer_range = [limits]
        elif self.kind is Kind.NUMBER:
            descriptor.floating_point_range = [
                FloatingPointRange(
                    from_value=float(self.minimum or 0), to_value=float(self.maximum or 0)
                )
            ]
        return descriptor

    def _check_string(self, value: Any) -> str:
        if not isinstance(value, str):
            raise self._refusal(value, 'a string')
        if self.choices and value not in self.choices:
            raise self._refusal(value, f'one of {self.allowed}')
        if not value:
            raise self._refusal(value, 'a string that is not empty')
        return value

    def _check_list(self, value: Any) -> tuple[str, ...]:
        items = (value,) if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)) or not all(isinstance(i, str) for i in items):
            raise self._refusal(value, 'a list of strings')
        if not items or not all(items):
            raise self._refusal(list(items), 'a list of strings, not empty, none of them empty')
        unknown = [item for item in items if self.choices and item not in self.choices]
        if unknown:
            raise self._refusal(list(items), f'a list out of {self.allowed}')
        if self.unique and len(set(items)) != len(items):
            raise self._refusal(list(items), 'a list that names each element once')
        return tuple(items)

    def _check_number(self, value: Any) -> int | float:
        whole = self.kind is Kind.INTEGER
        wanted = f'{"a whole number" if whole else "a number"} from {self.allowed}'
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise self._refusal(value, wanted)
        if not math.isfinite(value) or not (self.minimum or 0) <= value <= (self.maximum or 0):
            raise self._refusal(value, wanted)
        return value if whole else float(value)

    def _refusal(self, value: Any, wanted: str) -> ParameterError:
        return ParameterError(f'parameter {self.name} is {value!r}; set it to {wanted}')
