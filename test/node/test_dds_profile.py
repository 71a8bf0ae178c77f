# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The DDS profile is used unless the user says otherwise."""

from __future__ import annotations

import importlib.metadata
import xml.etree.ElementTree as ET

import pytest

from drivseg_ros.base.share import share_directory
from drivseg_ros.errors import ParameterError
from drivseg_ros.node.dds_profile import (
    PROFILE_FILE,
    PROFILE_VARIABLES,
    SWITCH_VARIABLE,
    use_image_profile,
)

FAST_DDS_3, FAST_DDS_2 = PROFILE_VARIABLES
PROFILE = share_directory() / PROFILE_FILE


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROFILE_VARIABLES, SWITCH_VARIABLE):
        # Set first, so that what the code sets is undone as well.
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)


def environment() -> dict[str, str]:
    import os

    return {name: os.environ[name] for name in PROFILE_VARIABLES if name in os.environ}


@pytest.mark.parametrize(
    ('version', 'variables'),
    [
        ('3.3.17', [FAST_DDS_2]),
        ('7.1.5', [FAST_DDS_2]),
        ('8.0.0', [FAST_DDS_3, FAST_DDS_2]),
        ('9.1.2', [FAST_DDS_3]),
        (None, [FAST_DDS_3, FAST_DDS_2]),
    ],
)
def test_profile_of_the_package(
    monkeypatch: pytest.MonkeyPatch, version: str | None, variables: list[str]
) -> None:
    def find(name: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, 'version', find)
    assert use_image_profile().path == PROFILE
    assert environment() == {name: str(PROFILE) for name in variables}


@pytest.mark.parametrize('variable', PROFILE_VARIABLES)
@pytest.mark.parametrize('switch', ['', 'on', 'off'])
def test_what_the_user_set_stays(
    monkeypatch: pytest.MonkeyPatch, variable: str, switch: str
) -> None:
    monkeypatch.setenv(variable, '/my.xml')
    monkeypatch.setenv(SWITCH_VARIABLE, switch)
    choice = use_image_profile()
    assert str(choice.path) == '/my.xml'
    assert variable in choice.reason
    assert environment() == {variable: '/my.xml'}


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH_VARIABLE, 'off')
    assert use_image_profile().path is None
    assert environment() == {}


def test_unknown_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH_VARIABLE, 'maybe')
    with pytest.raises(ParameterError, match="is 'maybe'; allowed are 'on'"):
        use_image_profile()


def test_profile_gives_images_room() -> None:
    tags = {element.tag.split('}')[1]: element.text for element in ET.parse(PROFILE).iter()}
    # Several images of 1920 x 1080 with three channels.
    assert int(tags['segment_size'] or 0) > 8 * 1920 * 1080 * 3
    assert tags['useBuiltinTransports'] == 'false'
