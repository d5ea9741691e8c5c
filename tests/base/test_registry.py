"""One file is one member: the registry finds what lies in a folder, and nothing lists it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wellheard.base.registry import found, members, modules

Make = Callable[..., str]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a package of the given files and gives its name; a name holds a test's own, since imports are kept."""
    name = "room_" + "".join(c if c.isalnum() else "_" for c in request.node.name)
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(**files: str) -> str:
        (tmp_path / name).mkdir()
        for path, text in {"__init__": "", **files}.items():
            target = tmp_path / name / f"{path.replace('__in__', '/')}.py"
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, "utf-8")
        return name

    yield make
    for loaded in [m for m in sys.modules if m.split(".")[0] == name]:
        del sys.modules[loaded]


def test_every_file_is_found_in_order_of_name(room: Make) -> None:
    name = room(pear="THING = 1", apple="THING = 2", notes="")
    assert [m.__name__ for m in modules(name)] == [f"{name}.apple", f"{name}.notes", f"{name}.pear"]
    assert list(found(name, "THING", int).items()) == [("apple", 2), ("pear", 1)]


def test_a_folder_is_a_member_as_a_file_is(room: Make) -> None:
    name = room(pear="THING = 1", crate__in____init__="THING = 3", crate__in__slat="THING = 4")
    assert found(name, "THING", int) == {"crate": 3, "pear": 1}


def test_files_without_the_attribute_are_no_members(room: Make) -> None:
    name = room(pear="THING = 1", language="def thing(): ...")
    assert list(members(name, "THING")) == ["pear"]
    assert members(name, "OTHER") == {}


def test_an_empty_room_has_no_members(room: Make) -> None:
    assert found(room(), "THING", int) == {}


def test_a_member_of_the_wrong_kind_is_named(room: Make) -> None:
    name = room(pear="THING = 1", plum="THING = 'one'")
    with pytest.raises(TypeError, match=rf"{name}\.plum\.THING is not a int"):
        found(name, "THING", int)


def test_a_broken_member_is_not_passed_over(room: Make) -> None:
    name = room(pear="THING = 1", plum="THING = 1 / 0")
    with pytest.raises(ZeroDivisionError):
        found(name, "THING", int)


def test_a_room_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        modules("wellheard.attic")
