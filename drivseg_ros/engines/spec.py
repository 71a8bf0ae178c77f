# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How a user writes which engine runs a model: ENGINE[:PRECISION][@DEVICE]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivseg_ros.engines import ENGINE_NAMES
from drivseg_ros.errors import ParameterError
from drivseg_ros.model.card import PRECISIONS

_PRECISIONS = ('auto', *PRECISIONS)


@dataclass(frozen=True)
class EngineSpec:
    """An engine with precision and device.

    Attributes:
        engine: one of ENGINE_NAMES.
        precision: as in `EngineOptions`.
        device: as in `EngineOptions`.
    """

    engine: str
    precision: str = 'auto'
    device: str = 'cpu'

    @classmethod
    def parse(cls, text: str, *, device: str) -> EngineSpec:
        """Reads, for example, 'openvino', 'openvino:bf16' or 'torch:fp16@cuda'.

        Args:
            text: what the user wrote.
            device: the device where the text names none.

        Raises:
            ParameterError: if the engine or the precision is unknown.
        """
        rest, at, named = text.strip().partition('@')
        engine, colon, precision = rest.partition(':')
        if (
            engine not in ENGINE_NAMES
            or (colon and precision not in _PRECISIONS)
            or (at and not named)
        ):
            raise ParameterError(
                f'{text!r} is no ENGINE[:PRECISION][@DEVICE]; engines are '
                f'{", ".join(ENGINE_NAMES)}, precisions {", ".join(_PRECISIONS)}; '
                'write for example openvino:bf16 or torch:fp16@cuda'
            )
        return cls(engine, precision or 'auto', named or device)

    @classmethod
    def parse_model(
        cls, text: str, *, default: Sequence[EngineSpec], device: str
    ) -> tuple[str, Sequence[EngineSpec]]:
        """Reads MODEL[=ENGINE]: a model, and the engine it is to run on if not on the default.

        Raises:
            ParameterError: as for `parse`.
        """
        name, equals, own = text.partition('=')
        return name, [cls.parse(own, device=device)] if equals else default

    def __str__(self) -> str:
        precision = '' if self.precision == 'auto' else f':{self.precision}'
        return f'{self.engine}{precision}@{self.device}'
