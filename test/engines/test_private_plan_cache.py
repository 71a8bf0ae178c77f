# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A built engine is run as it stands: what others may write is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivseg_ros.engines.plan_cache import PlanCache, PlanKey
from drivseg_ros.errors import EngineError

KEY = PlanKey(
    model_sha256='ab' * 32,
    runtime='numpy',  # any distribution that is installed
    runtime_version='1.2.3',
    device='a device',
    precision='fp16',
    min_batch=1,
    max_batch=3,
    height=48,
    width=64,
    model_path='/models/net.onnx',
)
PAYLOAD = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path: Path) -> PlanCache:
    return PlanCache(tmp_path / 'plans')


@pytest.mark.parametrize('which', ['folder', 'plan'])
def test_what_others_may_write_is_refused(cache: PlanCache, which: str) -> None:
    """A runtime runs what stands in a plan."""
    path = cache.store(KEY, PAYLOAD)
    assert (path.stat().st_mode & 0o777) == 0o644
    assert (cache.directory.stat().st_mode & 0o777) == 0o700
    place = cache.directory if which == 'folder' else path
    before = place.stat().st_mode
    place.chmod(0o777)
    refused = r'holds built engines, .* everybody may write it; .* chmod go-w .*DRIVSEG_CACHE'
    with pytest.raises(EngineError, match=refused):
        cache.load(KEY)
    if which == 'folder':
        for attempt in (lambda: cache.store(KEY, b'new'), lambda: cache.check_room(0)):
            with pytest.raises(EngineError, match=refused):
                attempt()
    place.chmod(before)
    assert cache.load(KEY) == PAYLOAD


def test_a_plan_that_a_link_leads_to_must_be_ours(cache: PlanCache, tmp_path: Path) -> None:
    path = cache.store(KEY, PAYLOAD)
    elsewhere = tmp_path / 'of somebody else'
    path.rename(elsewhere)
    elsewhere.chmod(0o666)
    path.symlink_to(elsewhere)
    with pytest.raises(EngineError, match='everybody may write it'):
        cache.load(KEY)
