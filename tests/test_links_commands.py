"""The commands for links: they show what would change, change it, and say how it is taken back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wellheard import cli


@pytest.fixture
def call(new_desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Runs `wellheard ARGUMENTS` over two sources that share one e-mail address; gives exit code and output."""
    desk = new_desk()
    for source in ("crm", "shop"):
        people = [{"source_id": n, "email": f"{source if n == '2' else 'ann'}@x.example"} for n in ("1", "2")]
        answers = [
            {"source_id": n, "kind": "nps", "score": 9, "answered_at": "2026-03-05", "customer_id": n} for n in "12"
        ]
        desk.deliver({"customers": people, "survey_responses": answers}, source)
    home = Path(desk.workspace.home)
    desk.workspace.close()

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["wellheard", "--home", str(home), *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capfd.readouterr()
        return int(leaving.value.code or 0), written.out + written.err

    return run


@pytest.mark.slow
def test_links_are_listed_made_and_undone(call: Callable[..., tuple[int, str]]) -> None:
    code, text = call("links", "--format", "json")
    (link,) = json.loads(text)
    assert (code, link["row"], link["linked_with"], link["state"]) == (0, "shop:1", "crm:1", "holds")
    assert link["why"] == "the same e-mail address"
    assert "x.example" not in text
    code, text = call("link", "person", "crm:2", "shop:2", "--dry-run")
    assert (code, "Net Promoter Score" in text, "dry run" in text) == (0, True, True)
    assert len(json.loads(call("links", "--format", "json")[1])) == 1
    assert call("link", "person", "crm:2", "nobody:2") == (
        2,
        "wellheard: there is no row 'nobody:2' in customers\nname it as source:source_id\n",
    )
    code, text = call("unlink", link["id"][:8])
    assert (code, "crm:1 and shop:1 are not one person" in text, "wellheard undo" in text) == (0, True, True)
    (link,) = json.loads(call("links", "--format", "json")[1])
    assert link["state"] == "kept apart"
    assert call("relink", link["id"])[0] == 0
    (link,) = json.loads(call("links", "--format", "json")[1])
    assert (link["state"], link["why"]) == ("holds", "the same e-mail address")
