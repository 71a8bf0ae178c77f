# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What mkdocs cannot do by itself: the page of all commands, written by typer from the code."""

from __future__ import annotations

import subprocess
import sys
from typing import Any


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Puts the commands where `commands.md` wants them."""
    if page.file.src_path != 'commands.md':
        return markdown
    arguments = ['drivseg_ros.cli.app', 'utils', 'docs', '--name', 'drivseg']
    found = subprocess.run(
        [sys.executable, '-m', 'typer', *arguments], capture_output=True, text=True, check=True
    )
    # One level down: the page has a title of its own.
    commands = '\n'.join(
        f'#{line}' if line.startswith('#') else line for line in found.stdout.splitlines()
    )
    return markdown.replace('COMMANDS', commands)
