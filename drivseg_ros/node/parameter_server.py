# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The parameters as the node has them: declared, checked, and changed at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter

from drivseg_ros.errors import DrivsegError, ParameterError
from drivseg_ros.node.arguments import unknown_parameters
from drivseg_ros.node.health import Phase
from drivseg_ros.node.parameter_spec import Change, Kind, ParameterSpec
from drivseg_ros.node.parameters import SPECS, SPECS_BY_NAME, Settings


class ParameterServer:
    """Declares the parameters of a node and decides about their changes.

    A bad value given at start is refused when the node is configured, not by ending it.

    Args:
        node: the node.
        find_phase: gives the lifecycle state of the node.
        apply: puts changed values to work while the node is configured; it raises DrivsegError to
            refuse them.
    """

    def __init__(
        self,
        node: LifecycleNode,
        *,
        find_phase: Callable[[], Phase],
        apply: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._node = node
        self._find_phase = find_phase
        self._apply = apply
        self._problems: dict[str, str] = {}
        for spec in SPECS:
            self._declare(spec)
        for unknown in unknown_parameters(node._parameter_overrides):
            node.get_logger().warning(unknown)
        node.add_pre_set_parameters_callback(_convert)
        node.add_on_set_parameters_callback(self._decide)

    def value(self, name: str) -> Any:
        """The value of a parameter."""
        return self._node.get_parameter(name).value

    def settings(self) -> Settings:
        """The values of all parameters.

        Raises:
            ParameterError: if one of them, or their combination, is not allowed.
        """
        for problem in self._problems.values():
            raise ParameterError(problem)
        return Settings.of({spec.name: self.value(spec.name) for spec in SPECS})

    def _declare(self, spec: ParameterSpec) -> None:
        # What the user gave is looked at first, whatever its type: rclpy would refuse a wrong one
        # by ending the node, and in other words than ours.
        given = self._node.declare_parameter(
            spec.name, None, ParameterDescriptor(dynamic_typing=True)
        ).value
        self._node.undeclare_parameter(spec.name)
        value = spec.default
        if given is not None:
            try:
                value = spec.check(given)
            except ParameterError as error:
                self._problems[spec.name] = str(error)
        self._node.declare_parameter(
            spec.name, _to_ros(value), spec.descriptor(), ignore_override=True
        )

    def _decide(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        try:
            # Others (use_sim_time, qos_overrides) are none of our business.
            given = {
                p.name: SPECS_BY_NAME[p.name].check(p.value)
                for p in parameters
                if p.name in SPECS_BY_NAME
            }
            if given:
                self._change(given)
        except Exception as error:
            # Whatever it is, it is an answer: rclpy would give none, and the caller would wait.
            reason = str(error) if isinstance(error, DrivsegError) else repr(error)
            self._node.get_logger().warning(f'parameters are not changed: {reason}')
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _change(self, given: Mapping[str, Any]) -> None:
        phase = self._find_phase()
        current = {spec.name: spec.check(self.value(spec.name)) for spec in SPECS}
        Settings.of({**current, **given})
        if phase is not Phase.UNCONFIGURED:
            for name, value in given.items():
                if SPECS_BY_NAME[name].change is not Change.ANY_TIME and value != current[name]:
                    raise self._refusal(name, phase)
            self._apply(given)
        for name in given:
            self._problems.pop(name, None)

    def _refusal(self, name: str, phase: Phase) -> ParameterError:
        commands = ['cleanup', 'configure', 'activate']
        if phase is Phase.ACTIVE:
            commands.insert(0, 'deactivate')
        return ParameterError(
            f'parameter {name} can be changed only while the node is unconfigured, and it is '
            f'{phase.value}; run `ros2 lifecycle set {self._node.get_fully_qualified_name()}` '
            f'with {", ".join(commands)} in turn, and set it after cleanup'
        )


def _convert(parameters: list[Parameter]) -> list[Parameter]:
    """Makes of `ros2 param set ... max_rate_hz 5` what was meant: 5.0."""
    return [_converted(p) for p in parameters]


def _converted(parameter: Parameter) -> Parameter:
    spec = SPECS_BY_NAME.get(parameter.name)
    if spec is None:
        return parameter
    if spec.kind is Kind.NUMBER and parameter.type_ == Parameter.Type.INTEGER:
        return Parameter(parameter.name, Parameter.Type.DOUBLE, float(parameter.value))
    if spec.kind is Kind.STRING_LIST and parameter.type_ == Parameter.Type.STRING:
        return Parameter(parameter.name, Parameter.Type.STRING_ARRAY, [parameter.value])
    return parameter


def _to_ros(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
