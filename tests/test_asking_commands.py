"""The command line shows who was asked and why not, asks by hand, lets people leave, and forecasts."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import wellheard
from wellheard import doctor
from wellheard.base.settings import Settings
from wellheard.cli import app
from wellheard.desk import Desk

pytestmark = pytest.mark.slow
NPS = '[[questions]]\nid = "nps"\ntype = "nps"\n'
ASKING = '[asking]\ntrigger = "conversation_resolved"\n'


@pytest.fixture(scope="module")
def home(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("asking") / "home"
    shutil.copytree(template, place)
    (place / "wellheard.toml").write_text(
        'public_address = "https://ask.example"\n[asks_per_person]\n7 = 1\n30 = 2\n', "utf-8"
    )
    (place / "surveys").mkdir()
    (place / "surveys" / "after.toml").write_text(f'name = "After support"\n{NPS}{ASKING}', "utf-8")
    now = datetime.now(UTC)
    talks = [
        {"source_id": f"t{n}", "customer_id": f"p{n % 20}", "opened_at": at - timedelta(hours=1), "resolved_at": at}
        for n in range(60)
        if (at := now - timedelta(days=n, hours=12))
    ]
    with wellheard.open(place) as workspace:
        people = [{"source_id": f"p{n}", "email": f"p{n}@x.example"} for n in range(20)]
        Desk(workspace).deliver({"customers": people, "conversations": talks}, source="crm")
    return place


def said(home: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["--home", str(home), "surveys", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def rows(home: Path, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(said(home, *arguments, "--format", "json"))
    return found


def test_asking_by_hand_gives_a_link_and_the_ledger_says_why_not(home: Path) -> None:
    link = said(home, "invite", "after", "crm:p1", "--occasion", "visit 7").strip()
    assert re.fullmatch(r"https://ask\.example/s/[0-9a-f]{32}\?i=[\w-]{22}", link)
    assert "decided before" in said(home, "invite", "after", "crm:p1", "--occasion", "visit 7")
    assert "the person has been asked enough in 7 days" in said(home, "invite", "after", "p1", "--channel", "api")
    said(home, "opt-out", "crm:p2")
    assert "wants no more surveys" in said(home, "invite", "after", "crm:p2")
    listed = rows(home, "ledger", "after", "--not-asked")
    assert sorted(row["why_not"] for row in listed) == [
        "the person has been asked enough in 7 days", "wants no more surveys",
    ]  # fmt: skip
    assert [row["person"] for row in rows(home, "ledger", "--person", "crm:p1")] == ["crm:p1", "crm:p1"]
    assert said(home, "opt-out", "crm:p2", "--undo").strip() == "crm:p2 may be asked again."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("invite", "after", "nobody"), "there is no customer"),
        (("invite", "after", "crm:p1", "--channel", "email"), "mail_host and mail_from is not set"),
        (("invite", "after", "crm:p1", "--channel", "pigeon"), "there is no channel 'pigeon'"),
        (("invite", "other", "crm:p1"), "there is no survey 'other'"),
        (("opt-out", "nobody"), "names nobody"),
        (("ledger", "other"), "there is no survey"),
    ],
)
def test_what_cannot_be_is_said(home: Path, arguments: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(app, ["--home", str(home), "surveys", *arguments])
    assert done.exit_code != 0
    assert words in str(done.exception)


def test_the_forecast_counts_what_the_rules_let_through(home: Path) -> None:
    found = rows(home, "forecast", "--months", "2")
    whole = next(row for row in found if row["month"] == "in all" and row["survey"] == "after")
    # 60 conversations in 60 days, each of 20 people every 20 days, of whom none is reached by a channel that is set up.
    assert (whole["occasions"], whole["asked"], whole["not_asked"]) == (60, 0, {"no_channel": 60})
    path = home / "surveys" / "after.toml"
    kept = path.read_text("utf-8")
    mail = home / "wellheard.toml"
    settings = mail.read_text("utf-8")
    mail.write_text('mail_host = "mail.example"\nmail_from = "a@mail.example"\n' + settings, "utf-8")
    path.write_text(kept + "quotas = [{ days = 30, most = 12 }]\n", "utf-8")
    try:
        whole = next(row for row in rows(home, "forecast", "--months", "2") if row["month"] == "in all")
        assert whole["asked"] == 24
        assert whole["not_asked"] == {"quota:30": 36}
        assert whole["answers"] == pytest.approx(24 * 0.2, abs=0.1)
        assert whole["answers_low"] < whole["answers"] < whole["answers_high"]
        assert "growth and seasons are not foreseen" in said(home, "forecast")
    finally:
        path.write_text(kept, "utf-8")
        mail.write_text(settings, "utf-8")


def test_the_doctor_tries_the_mail_server_and_names_what_is_missing() -> None:
    def found(**settings: Any) -> dict[str, tuple[str, str]]:
        return {f.what: (f.state, f.words) for f in doctor._channels(Settings(**settings))}

    assert found() == {"surveys": ("note", "no channel is set up, so that nothing is sent")}
    assert found(mail_host="mail.example")["mail"] == ("problem", "mail_from is not set")
    there = {"mail_host": "127.0.0.1", "mail_port": 9, "mail_security": "none", "mail_from": "a@x.example"}
    closed = found(**there, internal_hosts=("127.0.0.1",))
    assert closed["mail"][0] == "problem"
    assert closed["surveys"] == ("problem", "letters would link to this machine alone")
    assert "internal network" in found(**there)["mail"][1]


def test_a_delivery_report_is_taken_in(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.eml"
    path.write_text(
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n'
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\n\n"
        "Final-Recipient: rfc822; eve@x.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n",
        "utf-8",
    )
    assert said(home, "bounces", str(path)).strip() == "1 told of, 0 of them about letters of ours."
    path.write_text("Subject: out of office\n\nI am away.\n", "utf-8")
    done = CliRunner().invoke(app, ["--home", str(home), "surveys", "bounces", str(path)])
    assert "no delivery report" in str(done.exception)
