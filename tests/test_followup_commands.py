"""The commands of following up: what they list, and what they say of what is wrong."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wellheard.base.errors import BadCall
from wellheard.base.settings import Settings
from wellheard.cli import app, run
from wellheard.store.connections import connections
from wellheard.store.store import open_store
from wellheard.store.vault import open_vault

RULE = 'name = "Detractors"\n[when]\ntrigger = "answer"\nkind = "nps"\nat_most = 6\n[[do]]\naction = "case"\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "detractors.toml").write_text(RULE, "utf-8")
    return tmp_path


def said(home: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["--home", str(home), *words])
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.output


@pytest.mark.slow
def test_rules_are_listed_checked_and_tried(home: Path) -> None:
    (listed,) = json.loads(said(home, "rules", "list", "--format", "json"))
    assert (listed["rule"], listed["trigger"], listed["on"], listed["fault"]) == ("detractors", "answer", True, None)
    assert "1 rules, 0 faults" in said(home, "rules", "check")
    text = RULE + '[[do]]\naction = "notify"\nthrough = "chat"\n'
    (home / "rules" / "loud.toml").write_text(text, "utf-8")
    (home / "rules" / "wrong.toml").write_text("name = 1", "utf-8")
    wrong = CliRunner().invoke(app, ["--home", str(home), "rules", "check"])
    assert wrong.exit_code == 1
    assert "chat is not connected" in wrong.output
    assert "wrong: " in wrong.output
    assert json.loads(said(home, "rules", "dry-run", "detractors", "--format", "json")) == []


@pytest.mark.slow
def test_cases_deliveries_and_connections_are_listed(home: Path) -> None:
    assert json.loads(said(home, "cases", "--format", "json")) == []
    assert json.loads(said(home, "deliveries", "list", "--format", "json")) == []
    connect = ("deliveries", "connect", "chat", "slack", "--set", "token=xoxb-marker", "--set", "channel=C1")
    assert "marker" not in said(home, *connect)
    listed = said(home, "deliveries", "connections", "--format", "json")
    assert json.loads(listed)[0]["name"] == "chat"
    assert "marker" not in listed
    assert "1 connections" in said(home, "deliveries", "reseal")
    assert len(said(home, "deliveries", "key").strip()) == 44


def test_what_is_not_known_is_told_with_its_exit_code(home: Path) -> None:
    from typer.main import get_command

    command = get_command(app)
    for words in (
        ["cases", "--state", "odd"],
        ["deliveries", "list", "--state", "odd"],
        ["deliveries", "replay", "7"],
        ["rules", "dry-run", "nothing"],
        ["deliveries", "connect", "x", "pigeon"],
    ):
        assert run(lambda words=words: command(["--home", str(home), *words], standalone_mode=False)) == 2, words


@pytest.mark.slow
def test_a_key_file_is_read_and_secrets_that_may_be_empty_are_asked_for(home: Path) -> None:
    key = home / "key.json"
    account = {"type": "service_account", "client_email": "cx@x.example", "private_key": "-----BEGIN\nmarker\nEND-----"}
    key.write_text(json.dumps(account, indent=2), "utf-8")
    connect = ("deliveries", "connect", "play", "google_play", "--set", "package=com.example.app", "--set")
    assert "marker" not in said(home, *connect, f"account=@{key}")
    assert json.loads(secrets_of(home, "play")["account"]) == account
    texts = ["--home", str(home), "deliveries", "connect", "texts", "sms"]
    for typed, kept in (("\n\n", {}), ("\nwhsec_eA==\n", {"secret": "whsec_eA=="})):
        done = CliRunner().invoke(app, texts, input=typed)
        assert done.exit_code == 0, done.output
        assert "whsec" not in done.output
        assert {n: v for n, v in secrets_of(home, "texts").items() if n == "secret"} == kept
    done = CliRunner().invoke(app, ["--home", str(home), *connect, "account=@nowhere.json"])
    assert isinstance(done.exception, BadCall)
    assert "nowhere.json cannot be read" in done.exception.message


def secrets_of(home: Path, name: str) -> dict[str, str]:
    with closing(open_store(home, Settings())) as store, store.reading() as con:
        return dict(connections(con, "main", open_vault(home, Settings()))[name].secrets)
