# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A real browser, for the tests of the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

_NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')


@pytest.fixture(scope='session')
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    sync_api = pytest.importorskip(
        'playwright.sync_api', reason='playwright is not installed: pip install playwright'
    )
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip('there is no Chromium: apt-get install chromium')
    # Root has no sandbox; the pages are ours.
    arguments = ['--no-sandbox'] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()
