# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where published weights are: repositories of the Hugging Face hub, each at one revision."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from drivseg_ros.errors import ModelError

_COMMIT = re.compile(r'[0-9a-f]{40}')


@dataclass(frozen=True)
class WeightSource:
    """A file of published weights.

    Attributes:
        repository: Owner and repository on the hub.
        license: Of the weights.
        revision: The commit they are taken from, in full; empty where none is known to us.
        sha256: Of the file, in hexadecimal; empty where it is not known to us.
        file: Its name there. Always .safetensors: nothing that unpickles is ever loaded.
    """

    repository: str
    license: str
    revision: str = ''
    sha256: str = ''
    file: str = 'model.safetensors'

    def __post_init__(self) -> None:
        if not re.fullmatch(r'[\w.-]+/[\w.-]+', self.repository):
            raise ModelError(f'{self.repository!r} is no repository of the form OWNER/NAME')
        if self.revision and not _COMMIT.fullmatch(self.revision):
            raise ModelError(
                f'{self.revision!r} is no revision: give a commit in full, 40 hexadecimal digits'
            )
        if self.sha256 and not re.fullmatch('[0-9a-f]{64}', self.sha256):
            raise ModelError(f'{self.sha256!r} is no SHA-256: give 64 hexadecimal digits')
        if not self.file.endswith('.safetensors'):
            raise ModelError(f'{self.file!r} must end in .safetensors; no other file is loaded')

    def __str__(self) -> str:
        return f'{self.file} of {self.repository}' + (
            f' at revision {self.revision}' if self.revision else ''
        )


_BSD = 'BSD-3-Clause'
_NVIDIA = 'NVIDIA Source Code License for SegFormer (research and evaluation only)'

# torchvision's IMAGENET1K_V1 in the form of timm.
_RESNET50 = WeightSource(
    'timm/resnet50.tv_in1k',
    _BSD,
    '78f3ecfdb38e06d9b8397f662e7ab8fee96026fa',
    '5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888',
)
_VGG16 = WeightSource(
    'timm/vgg16.tv_in1k',
    _BSD,
    'b8d8aa2dd860af9233c8c67385a8097fd6c35d3f',
    '57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8',
)
# The weights of TensorFlow's authors.
_LITE0 = WeightSource(
    'timm/tf_efficientnet_lite0.in1k', 'Apache-2.0', '38825935cd55b7f62331fbc6fdbe14a0bca3dcfd'
)
# These revisions are those that segmentation_models_pytorch itself asks for.
_MIT_REVISIONS = {
    'b0': '9ce53d104d92d75aabb00aae70677aaab67e7c84',
    'b1': 'a04bf4f13a549bce677cf79b04852e7510782817',
    'b2': '868ab6f13871dcf8c3d9f90ee4519403475b65ef',
    'b3': '32558d12a65f1daa0ebcf4f4053c4285e2c1cbda',
    'b4': '3a3454e900a4b4f11dd60eeb59101a9a1a36b017',
    'b5': 'ced04d96c586b6297fd59a7a1e244fc78fdb6531',
}
_CITYSCAPES_REVISIONS = {'b1': '1477e955d4ae5529ef8e84551790deabb91934c8'}

SOURCES: Mapping[tuple[str, str], WeightSource] = {
    ('deeplabv3plus_resnet50', 'imagenet'): _RESNET50,
    ('efficientnet_lite_fpn', 'imagenet'): _LITE0,
    ('fcn_resnet50', 'imagenet'): _RESNET50,
    ('fcn8s_vgg16', 'imagenet'): _VGG16,
    ('pspnet_resnet50', 'imagenet'): _RESNET50,
    **{
        (f'segformer_{size}', 'imagenet'): WeightSource(
            f'smp-hub/mit_{size}.imagenet', _NVIDIA, revision
        )
        for size, revision in _MIT_REVISIONS.items()
    },
    **{
        (f'segformer_{size}', 'cityscapes'): WeightSource(
            f'smp-hub/segformer-{size}-1024x1024-city-160k',
            _NVIDIA,
            _CITYSCAPES_REVISIONS.get(size, ''),
        )
        for size in _MIT_REVISIONS
    },
}
"""By architecture and name of the weights."""


def find_source(architecture: str, name: str) -> WeightSource:
    """The source of an architecture's weights.

    Args:
        architecture: Its name in the registry.
        name: 'imagenet' or 'cityscapes', with `@COMMIT` behind it for another revision than the
            recorded one.

    Raises:
        ModelError: If there are no such weights, saying which there are, or the revision is none.
    """
    name, _, revision = name.partition('@')
    source = SOURCES.get((architecture, name))
    if source is None:
        names = sorted(n for a, n in SOURCES if a == architecture)
        known = f'published are {" and ".join(names)}' if names else 'none are published'
        raise ModelError(
            f'there are no weights {name!r} for {architecture}: {known}; give the path of a '
            ".safetensors file, or 'none' to begin at random"
        )
    if revision:
        return replace(source, revision=revision, sha256='')
    return source
