"""The designer sets when a survey asks and forecasts it; the ledger's page says who was asked and why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from wellheard.base.settings import Settings
from wellheard.desk import Desk
from wellheard.store import ledger
from wellheard.store.budgets import Budgets
from wellheard.store.ledger import Candidate
from wellheard.store.store import open_store
from wellheard.store.surveys import save_survey
from wellheard.store.vault import open_vault
from wellheard.surveys.shelf import Shelf
from wellheard.web.asking_form import asking_in, shown_asking

NPS = 'name = "After support"\n[[questions]]\nid = "nps"\ntype = "nps"\n'
FIELDS = {
    "k.trigger": "conversation_resolved",
    "k.channels": ["sms", "email"],
    "k.after_hours": "1.5",
    "k.every_days": "",
    "k.sample": "50",
    "k.priority": "7",
    "k.quiet_from": "19:00",
    "k.only": "segment: large, small\nteam: first line",
    "k.quotas": "500 in 30 days segment=large\n20 in 1 day",
    "k.reminders": "1",
}


def home_of(client: TestClient) -> Path:
    return Path(client.workspace.home)  # type: ignore[attr-defined]


@pytest.fixture
def made(fresh: TestClient) -> TestClient:
    """A workspace with a survey."""
    shelf = home_of(fresh) / "surveys"
    shelf.mkdir()
    (shelf / "after.toml").write_text(NPS, "utf-8")
    return fresh


def sent(client: TestClient, do: str, **fields: Any) -> Any:
    """The designer's form sent with a button."""
    page = client.get("/surveys/after").text
    form: dict[str, Any] = {
        name: _read(value) for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    }
    form |= {"s.name": "After support", "s.languages": "en", "s.open": "on", "s.edit_minutes": "60", **fields}
    return client.post("/surveys/after", data={**form, "do": do}, headers={"origin": "http://127.0.0.1"})


def _read(text: str) -> str:
    return text.replace("&#34;", '"').replace("&quot;", '"').replace("&amp;", "&").replace("&#39;", "'")


def test_when_it_asks_is_saved_and_shown_again(made: TestClient) -> None:
    assert sent(made, "save", **FIELDS).status_code == 200
    asking = Shelf(home_of(made) / "surveys").survey("after").asking
    assert asking is not None
    assert (asking.trigger, asking.channels) == ("conversation_resolved", ("sms", "email"))
    assert (asking.after_hours, asking.sample, asking.priority, asking.reminders) == (1.5, 50, 7, 1)
    assert dict(asking.only) == {"segment": ("large", "small"), "team": ("first line",)}
    assert [(q.most, q.days, dict(q.traits)) for q in asking.quotas] == [(500, 30, {"segment": "large"}), (20, 1, {})]
    page = made.get("/surveys/after").text
    for words in (
        "segment: large, small",
        "500 in 30 days segment=large",
        "20 in 1 days",
        'value="1.5"',
        'value="19:00"',
    ):
        assert words in page
    assert "mail_host and mail_from not set" in page
    before = Shelf(home_of(made) / "surveys").survey("after").asking
    sent(made, "save", **FIELDS)
    assert Shelf(home_of(made) / "surveys").survey("after").asking == before
    sent(made, "save", **{"k.trigger": ""})
    assert Shelf(home_of(made) / "surveys").survey("after").asking is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"k.only": "colour: red"}, "colour is no trait of it"),
        ({"k.quotas": "as many as you like"}, "asking.quotas"),
        ({"k.after_hours": "-2"}, "after_hours is below 0"),
        ({"k.trigger": "relationship"}, "begins is missing"),
        ({"k.sample": "soon"}, "asking.sample"),
        ({"k.channels": []}, "asking.channels"),
    ],
)
def test_a_rule_that_cannot_be_is_named(made: TestClient, fields: dict[str, Any], words: str) -> None:
    answer = sent(made, "save", **{**FIELDS, **fields})
    assert answer.status_code == 422
    assert words in answer.text
    assert Shelf(home_of(made) / "surveys").survey("after").asking is None


def test_the_form_gives_back_what_it_was_given() -> None:
    draft = {"trigger": "order_delivered", "channels": ["sms"], "only": {"kind": ["new"]},
             "quotas": [{"days": 7, "most": 3, "traits": {"tier": "gold"}}]}  # fmt: skip
    shown = shown_asking(draft, {"sms": "sms_webhook"})
    assert shown["only"] == "kind: new"
    assert shown["quotas"] == "3 in 7 days tier=gold"
    assert next((name, chosen) for name, _, _, chosen, _ in shown["channels"]) == ("sms", True)
    assert "api" not in [name for name, *_ in shown["channels"]]
    assert asking_in({}, draft) == draft  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_designer_forecasts_the_draft_without_saving_it(made: TestClient) -> None:
    now = datetime.now(UTC)
    talks = [
        {"source_id": f"t{n}", "customer_id": f"p{n}", "opened_at": now - timedelta(days=n + 2), "resolved_at": at}
        for n in range(40)
        if (at := now - timedelta(days=n, hours=12))
    ]
    people = [{"source_id": f"p{n}", "email": f"p{n}@x.example"} for n in range(40)]
    Desk(made.workspace).deliver({"customers": people, "conversations": talks})  # type: ignore[attr-defined]
    page = sent(made, "forecast", **{"k.trigger": "conversation_resolved", "k.channels": ["email"]}).text
    assert "What to expect in the next three months" in page
    assert re.search(r'<th scope="row">in all</th><td class="num">40</td><td class="num">0</td>', page)
    assert "40 because none of its channels is set up" in page
    assert Shelf(home_of(made) / "surveys").survey("after").asking is None
    wrong = sent(made, "forecast", **{"k.trigger": "relationship", "k.channels": ["email"]}).text
    assert "begins is missing" in wrong


def test_the_ledger_s_page_says_why_and_shows_hostile_names_as_words(
    made: TestClient, hostile: tuple[str, ...], harmless: Callable[[str], None]
) -> None:
    assert "Nobody has been asked yet" in made.get("/surveys/asked").text
    home, now = home_of(made), datetime.now(UTC)
    store, vault = open_store(home, Settings()), open_vault(home, Settings())
    with store.writing() as con:
        key = save_survey(con, "main", "after", "x", now).survey_key
        told = [
            Candidate(key, f"o{n} {name}", now, (f"crm:{name}",), address="a@x.example", channel="email",
                      refused="not_drawn" if n else None)
            for n, name in enumerate(hostile)
        ]  # fmt: skip
        ledger.decide(con, "main", Budgets(), told, vault, now)
    store.close()
    page = made.get("/surveys/asked").text
    harmless(page)
    assert f"{len(hostile) - 1}: not drawn into the sample" in page
    assert "once in 7 days" in page
    assert page.count("to be sent") == 1
    assert made.get("/surveys/asked?only=no&survey=after").text.count("<td>after</td>") == len(hostile) - 1


def test_a_program_is_told_when_nothing_is_served(made: TestClient) -> None:
    told = {"customer": "crm:1", "occasion": "receipt 1"}
    answer = made.post("/api/v1/surveys/after/invitations", json=told)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "refused")
    assert made.post("/api/v1/surveys/after/invitations", json={"customer": {}}).status_code == 422
