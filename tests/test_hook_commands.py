"""The commands of hooks: the address is shown, the secret once, and no other command tells it again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from wellheard.cli import app
from wellheard.store.hooks import hooks
from wellheard.store.store import open_store
from wellheard.store.vault import open_vault


def said(home: Path, *words: str, typed: str | None = None, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["--home", str(home), *words], input=typed)
    assert (done.exit_code == 0) == (code == 0), (words, done.output, done.exception)
    return f"{done.output}{done.exception or ''}"


def secrets_of(home: Path, name: str) -> tuple[str, ...]:
    from wellheard.base.settings import Settings

    store = open_store(home, Settings())
    with store.reading() as con:
        found = hooks(con, "main", open_vault(home, Settings()))[name].secrets
    store.close()
    return found


@pytest.mark.slow
def test_a_hook_is_added_listed_given_a_new_secret_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLHEARD_PUBLIC_ADDRESS", "https://ask.example.com")
    made = said(tmp_path, "hooks", "add", "program", "standard")
    (secret,) = re.findall(r"whsec_\S+", made)
    (listed,) = json.loads(said(tmp_path, "hooks", "list", "--format", "json"))
    assert listed["address"] in made
    address = urlsplit(listed["address"])
    assert (address.netloc, bool(re.fullmatch(r"/hooks/[0-9a-f]{32}", address.path))) == ("ask.example.com", True)
    assert secrets_of(tmp_path, "program") == (secret,)

    marker = "a-secret-of-zendesk"
    asked = said(tmp_path, "hooks", "add", "desk", "zendesk", typed=f"{marker}\n")
    assert "Admin Center" in asked
    assert marker not in asked
    assert secrets_of(tmp_path, "desk") == (marker,)
    assert "fewer than 16" in said(tmp_path, "hooks", "add", "short", "zendesk", typed="short\n", code=1)
    assert "already" in said(tmp_path, "hooks", "add", "program", "standard", code=1)
    assert "there are: freshdesk" in said(tmp_path, "hooks", "add", "x", "pigeon", code=1)

    (newer,) = re.findall(r"whsec_\S+", said(tmp_path, "hooks", "rotate", "program"))
    assert secrets_of(tmp_path, "program") == (newer, secret)
    said(tmp_path, "hooks", "rotate", "program", "--finish")
    assert secrets_of(tmp_path, "program") == (newer,)
    table = said(tmp_path, "hooks", "list", "--format", "json")
    assert newer not in table + said(tmp_path, "hooks", "schemes")
    said(tmp_path, "hooks", "remove", "program")
    assert [hook["hook"] for hook in json.loads(said(tmp_path, "hooks", "list", "--format", "json"))] == ["desk"]
    assert "no hook" in said(tmp_path, "hooks", "rotate", "program", code=1)
