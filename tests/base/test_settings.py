"""Settings: the environment before the file before the default, and every mistake named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from wellheard.base.errors import BrokenHome
from wellheard.base.rate_card import Rate
from wellheard.base.settings import Settings, explain, home_of, settings_of


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("WELLHEARD_")]:
        monkeypatch.delenv(name)


def _written(home: Path, text: str) -> Path:
    (home / "wellheard.toml").write_text(text, "utf-8")
    return home


def test_defaults_hold_where_nothing_is_set(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert (settings.time_zone, settings.week_start, settings.host, settings.unit) == (
        "UTC",
        0,
        "127.0.0.1",
        "customer",
    )


def test_the_file_goes_before_the_default_and_the_environment_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = _written(tmp_path, 'time_zone = "Europe/Berlin"\nweek_start = 6\n')
    monkeypatch.setenv("WELLHEARD_WEEK_START", "5")
    settings = settings_of(home)
    assert (settings.time_zone, settings.week_start, settings.port) == ("Europe/Berlin", 5, 8710)


def test_two_homes_do_not_see_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    _written(tmp_path / "a", 'currency = "EUR"')
    assert (settings_of(tmp_path / "a").currency, settings_of(tmp_path / "b").currency) == ("EUR", "")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("time_zone", ("America/St_Johns", "Asia/Kathmandu", "UTC"), ("Mars/Base", "CEST+2", "../etc/passwd")),
        ("week_start", ("0", "6"), ("7", "-1", "Monday")),
        ("currency", ("", "EUR"), ("eur", "EURO", "€")),
        ("unit", ("customer", "account"), ("person", "")),
        ("memory_limit", ("512MB", "1.5 GB"), ("1", "-1GB", "1GB; drop", "1TB")),
        ("threads", ("0", "256"), ("-1", "257", "two")),
        ("port", ("0", "65535"), ("65536", "-1", "http")),
        ("max_upload_mb", ("1",), ("0",)),
        ("repeat_days", ("1", "365"), ("0", "1.5")),
        ("workspace_name", ("Ünï & Söhne",), ("x" * 81,)),
    ],
)
def test_what_a_setting_takes_and_what_it_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    for value in good:
        monkeypatch.setenv(f"WELLHEARD_{name}".upper(), value)
        assert str(getattr(settings_of(tmp_path), name)) == value
    for value in bad:
        monkeypatch.setenv(f"WELLHEARD_{name}".upper(), value)
        with pytest.raises(BrokenHome, match=name):
            settings_of(tmp_path)


def test_every_mistake_is_named_at_once_and_the_file_too(tmp_path: Path) -> None:
    home = _written(tmp_path, "week_start = 9\nprot = 1\nthreads = -1\n")
    with pytest.raises(BrokenHome) as caught:
        settings_of(home)
    for named in ("week_start", "prot", "threads", str(home / "wellheard.toml")):
        assert named in str(caught.value)


@pytest.mark.parametrize("text", ["= 1", "time_zone = ", 'time_zone = "a"\ntime_zone = "b"', "\x00"])
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(BrokenHome, match=r"wellheard\.toml cannot be read"):
        settings_of(_written(tmp_path, text))


def test_settings_do_not_change_under_a_program(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings_of(tmp_path).port = 1


def test_each_setting_has_a_default_a_type_and_a_sentence() -> None:
    for name, field in Settings.model_fields.items():
        assert not field.is_required(), name
        words = all(isinstance(choice, str) for choice in get_args(field.annotation))
        tables = (dict[str, str], dict[int, int], tuple[str, ...], tuple[Rate, ...])
        assert field.annotation in (str, int, SecretStr, *tables) or words, name
        assert field.description, name
        assert field.description.endswith("."), name


def test_explain_says_where_each_value_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLHEARD_PORT", "0")
    lines = {line.name: line for line in explain(settings_of(_written(tmp_path, "repeat_days = 60")))}
    assert list(lines) == list(Settings.model_fields)
    assert (lines["port"].origin, lines["port"].value, lines["port"].default) == ("environment", "0", "8710")
    assert (lines["repeat_days"].origin, lines["repeat_days"].value) == ("file", "60")
    assert lines["threads"].origin == "default"


def test_the_home_is_the_one_given_then_the_variable_then_a_folder_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert home_of(None) == tmp_path / "wellheard-home"
    monkeypatch.setenv("WELLHEARD_HOME", "")
    assert home_of(None) == tmp_path / "wellheard-home"
    monkeypatch.setenv("WELLHEARD_HOME", str(tmp_path / "set"))
    assert home_of(None) == tmp_path / "set"
    assert home_of(Path("given")) == tmp_path / "given"
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert home_of(Path("~/given")) == tmp_path / "me" / "given"
