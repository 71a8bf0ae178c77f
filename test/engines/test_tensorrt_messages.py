# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT's errors in one sentence; the texts are those of tensorrt_rtx 1.7 and TensorRT 10."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from drivseg_ros.engines.tensorrt_messages import (
    explain_builder_error,
    explain_parser_error,
    shorten,
)


@dataclass(frozen=True)
class ParserError:
    """What trt.ParserError has, which Python cannot make."""

    name: str
    description: str
    number: int = 3
    node: tuple[str, str] = ('/head/conv', 'Conv')

    def as_library(self) -> SimpleNamespace:
        return SimpleNamespace(
            code=lambda: SimpleNamespace(name=self.name),
            desc=lambda: self.description,
            node=lambda: self.number,
            node_name=lambda: self.node[0],
            node_operator=lambda: self.node[1],
        )


@pytest.mark.parametrize(
    ('error', 'expected'),
    [
        (
            ParserError('UNSUPPORTED_NODE', 'false'),
            "node '/head/conv' (Conv): TensorRT does not have this operation, or not in this form",
        ),
        (
            ParserError('INVALID_NODE', 'x.shape() == y && z', node=('', 'Add')),
            'node number 3 (Add): the node is not valid',
        ),
        (
            ParserError(
                'INVALID_NODE',
                'Assertion failed: shiftIsAllZeros(zeroPoint): Non-zero zero point is not '
                'supported. Please set kENABLE_UINT8_AND_ASYMMETRIC_QUANTIZATION_DLA',
            ),
            "node '/head/conv' (Conv): TensorRT takes symmetric quantisation (zero point 0) only",
        ),
        (
            ParserError(
                'UNSUPPORTED_NODE',
                'Assertion failed: (axis >= 0) && "The axis must not be negative."',
            ),
            "node '/head/conv' (Conv): The axis must not be negative",
        ),
        (
            ParserError(
                'INVALID_NODE',
                'Invalid Node - bias\nITensor::getDimensions: Error Code 4: API Usage Error (bias: '
                'input has type Int32 but must have type Int8. In checkType at '
                '/_src/optimizer/common/nodeBase.cpp:456)\n[checkMacros.cpp::catch::250] Error',
            ),
            "node '/head/conv' (Conv): API Usage Error (bias: input has type Int32 but must have "
            'type Int8)',
        ),
        (
            ParserError('MODEL_DESERIALIZE_FAILED', 'parsed', number=-1, node=('', '')),
            'the file is no ONNX',
        ),
        (
            ParserError('SOMETHING_NEW', 'ok', number=-1, node=('', '')),
            'the parser refuses it (SOMETHING_NEW)',
        ),
    ],
)
def test_parser_errors(error: ParserError, expected: str) -> None:
    assert explain_parser_error(error.as_library()) == expected


DECONVOLUTION = (
    'IBuilder::buildSerializedNetwork: Error Code 1: Myelin ([type.cpp:186: infer_type] Could not '
    'infer output types for operation:  4310: deconv: /up/deconv/ConvTranspose_output_0-(bf16[1,16'
    ',90,160][]so[], mem_prop=0, align=2) | /act/PRelu_output_0-(bf16[1,32,45,80][]so[]'
)
NODES = [('/act/PRelu', 'PRelu'), ('/up/deconv', 'Slice'), ('/up/deconv/ConvTranspose', 'Deconv')]


@pytest.mark.parametrize(
    ('lines', 'expected'),
    [
        ([], 'the builder gave no plan, and no reason'),
        (
            ['earlier', DECONVOLUTION],
            "node '/up/deconv/ConvTranspose' (Deconv): Myelin (Could not infer output types for "
            'operation)',
        ),
        (
            [
                'IBuilder::buildSerializedNetwork: Error Code 1: Cuda Runtime (In '
                'generateForCurrent at /_src/runtime/core/cudaDeviceProfile.cpp:221 (cudaError 35: '
                'CUDA driver version is insufficient for CUDA runtime version))'
            ],
            'Cuda Runtime (cudaError 35: CUDA driver version is insufficient for CUDA runtime '
            'version)',
        ),
        (
            ['[virtualMemoryBuffer.cpp::resizePhysical::154] Error Code 2: OutOfMemory (Requested '
             'size was 2097152 bytes.)'],
            'OutOfMemory (Requested size was 2097152 bytes)',
        ),
    ],
)  # fmt: skip
def test_builder_errors(lines: list[str], expected: str) -> None:
    assert explain_builder_error(lines, NODES) == expected


def test_long_texts_are_cut() -> None:
    text = shorten('word ' * 500)
    assert len(text) <= 200
    assert text.endswith('word...')
    assert shorten('') == ''
