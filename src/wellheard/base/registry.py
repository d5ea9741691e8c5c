"""Finds the members of a kind: one file or folder in a room is one member, and no list of them is kept anywhere."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def modules(room: str) -> list[ModuleType]:
    """Every module directly inside the package `room`, in order of name."""
    package = importlib.import_module(room)
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{room}.{name}") for name in names]


@cache
def members(room: str, attribute: str) -> dict[str, ModuleType]:
    """The modules of `room` that define `attribute`, by module name."""
    return {m.__name__.rpartition(".")[2]: m for m in modules(room) if hasattr(m, attribute)}


def found(room: str, attribute: str, kind: type[T]) -> dict[str, T]:
    """Every member of `kind` that the modules of `room` define as `attribute`, by name of its file.

    Raises TypeError when a file defines the attribute as something else.
    """
    result: dict[str, T] = {}
    for name, module in members(room, attribute).items():
        value = getattr(module, attribute)
        if not isinstance(value, kind):
            raise TypeError(f"{module.__name__}.{attribute} is not a {kind.__name__}")
        result[name] = value
    return result
