# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recipes in YAML files: what one takes over from another, and what the command line changes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from drivseg_ros.base.json_data import from_plain, to_plain
from drivseg_ros.base.share import share_directory
from drivseg_ros.base.whole_file import write_whole
from drivseg_ros.base.yaml_data import parse_yaml, read_yaml
from drivseg_ros.errors import ParameterError
from drivseg_ros.lab.training.recipe import Recipe
from drivseg_ros.lab.training.recipe_parts import read_classes, write_classes

EXTENDS = 'extends'
SUFFIXES = ('.yaml', '.yml')


def ready_recipes() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    folder = share_directory() / 'config' / 'recipes'
    return {p.stem: p for p in sorted(folder.glob('*.yaml'))}


def find_recipe(name_or_path: str | Path) -> Path:
    """The file of a recipe.

    Args:
        name_or_path: The path of a YAML file, or a name that `ready_recipes` lists, with or
            without `.yaml`.

    Raises:
        ParameterError: If there is none.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    ready = ready_recipes()
    name = path.stem if path.suffix in SUFFIXES and len(path.parts) == 1 else str(name_or_path)
    if name in ready:
        return ready[name]
    what = 'no file' if path.suffix in SUFFIXES or len(path.parts) > 1 else 'no recipe'
    raise ParameterError(
        f'{what} {str(name_or_path)!r}; give the path of a YAML file or one of the ready recipes: '
        f'{", ".join(ready)}'
    )


def read_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe.

    Args:
        name_or_path: See `find_recipe`.
        overrides: Changes as KEY=VALUE. A key may go deeper by points (`augmentation.flip`,
            `train.0.weight`); the value is YAML.

    Raises:
        ParameterError: If there is no such recipe, it is not YAML, or something in it is not
            allowed; unknown keys are named with those allowed.
    """
    path = find_recipe(name_or_path)
    try:
        content = _read(path, ())
        for override in overrides:
            _apply(content, override)
        return parse_recipe(content)
    except ParameterError as error:
        raise ParameterError(f'{path}: {error}') from None


def parse_recipe(content: Any) -> Recipe:
    """A recipe from what YAML or JSON holds.

    Args:
        content: The keys of a recipe; its classes may be a name, or names.

    Raises:
        ParameterError: If a key is unknown or missing, or a value not allowed.
    """
    if isinstance(content, Mapping):
        content = dict(content)
        if 'classes' in content:
            content['classes'] = to_plain(read_classes(content['classes']))
        if content.get('precision') == 32:  # as YAML takes what is not in quotes
            content['precision'] = '32'
    return from_plain(Recipe, content, 'the recipe', only_known=True, error=ParameterError)


def plain_recipe(recipe: Recipe) -> dict[str, Any]:
    """The recipe with every key, as `parse_recipe` reads it."""
    return {**to_plain(recipe), 'classes': write_classes(recipe.classes)}


def write_recipe(recipe: Recipe, path: Path) -> Path:
    """Writes a recipe with every key, so that it says all that was done."""
    stream = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(plain_recipe(recipe), stream)
    write_whole(path, f'# As it was run; read it with drivseg train.\n{stream.getvalue()}')
    return path


def _read(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in above:
        raise ParameterError(f'{path} takes itself over by {EXTENDS}; remove one of them')
    content = read_yaml(path, 'a recipe', error=ParameterError)
    if not isinstance(content, dict):
        raise ParameterError(f'it is {content!r}; write a recipe as key: value')
    base = content.pop(EXTENDS, None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise ParameterError(f'{EXTENDS} is {base!r}; name a recipe')
    beside = path.parent / base
    found = beside if beside.is_file() else find_recipe(base)
    try:
        taken = _read(found, (*above, path.resolve()))
    except ParameterError as error:
        raise ParameterError(f'{EXTENDS} {found}: {error}') from None
    return {**taken, **content}


def _apply(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition('=')
    if not equals or not key:
        raise ParameterError(f'the change {override!r} is none; write KEY=VALUE')
    value: Any = ''
    if text.strip():
        value = parse_yaml(text, f'what the change {override!r} sets', error=ParameterError)
    *path, last = key.split('.')
    place: Any = content  # a mapping or a list, further and further in
    for step in path:
        if isinstance(place, dict) and place.get(step) is None:
            place[step] = {}
        place = place[_index(place, step, override)]
    if not isinstance(place, (dict, list)):
        raise ParameterError(f'the change {override!r} goes deeper than the recipe does')
    index: Any = _index(place, last, override)
    place[index] = value


def _index(place: Any, step: str, override: str) -> Any:
    if isinstance(place, dict):
        return step
    if not isinstance(place, list) or not step.isdecimal() or int(step) >= len(place):
        length = len(place) if isinstance(place, list) else 0
        raise ParameterError(
            f'the change {override!r} asks for {step!r} where there are {length} entries, counted '
            'from 0'
        )
    return int(step)
