"""The page of links: what it lists, what it shows before anything is done, and who may press its button."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from wellheard.app import ImportCall

NAME = "<script>window.hit=1</script>"


def _fill(client: TestClient, folder: Path) -> None:
    for source, address in (("crm", "Ann@x.example"), ("shop", "ann@x.example")):
        people, answers = folder / f"{source}.csv", folder / f"{source}-answers.csv"
        people.write_text(f"source_id,email\n{NAME},{address}\n", encoding="utf-8")
        answers.write_text(
            f"source_id,customer_id,kind,score,answered_at\na,{NAME},nps,9,2026-03-05T10:00:00Z\n", encoding="utf-8"
        )
        workspace = client.workspace  # type: ignore[attr-defined]
        workspace.import_files(ImportCall(paths=(people,), table="customers", source=source))
        workspace.import_files(ImportCall(paths=(answers,), table="survey_responses", source=source))


@pytest.mark.slow
def test_a_link_is_shown_with_its_effect_undone_and_made_again(
    fresh: TestClient, tmp_path: Path, token_of: Callable[[TestClient], str], harmless: Callable[[str], None]
) -> None:
    assert "No rows are linked" in fresh.get("/identity").text
    _fill(fresh, tmp_path)
    page = fresh.get("/identity").text
    harmless(page)
    assert "the same e-mail address" in page
    assert "x.example" not in page
    assert "No rows are linked" in fresh.get("/identity?q=nobody").text
    (address,) = set(re.findall(r'href="(/identity/[0-9a-f]+)"', page))
    shown = fresh.get(address).text
    harmless(shown)
    assert "Net Promoter Score" in shown
    assert "are not one person" in shown
    assert fresh.post(f"{address}/undo", data={"form_token": "x"}).status_code == 403
    token = {"form_token": token_of(fresh)}
    assert fresh.post(f"{address}/redo", data=token).status_code == 422
    assert "kept apart" in fresh.post(f"{address}/undo", data=token).text
    assert fresh.post(f"{address}/undo", data=token).status_code in (404, 422)
    (again,) = set(re.findall(r'href="(/identity/[0-9a-f]+)"', fresh.get("/identity").text))
    assert "Link them again" in fresh.get(again).text
    assert "holds" in fresh.post(f"{again}/redo", data=token).text
    assert fresh.get("/identity/abcdef0123").status_code == 404


@pytest.mark.slow
def test_rows_are_linked_by_hand_after_the_effect_was_shown(
    fresh: TestClient, tmp_path: Path, token_of: Callable[[TestClient], str], harmless: Callable[[str], None]
) -> None:
    people, answers = tmp_path / "people.csv", tmp_path / "answers.csv"
    people.write_text("source_id,email\nann,ann@x.example\nanna,anna@y.example\n", encoding="utf-8")
    answers.write_text(
        "source_id,customer_id,kind,score,answered_at\na,ann,nps,9,2026-03-05T10:00:00Z\nb,anna,nps,2,2026-03-06T10:00:00Z\n",
        encoding="utf-8",
    )
    workspace = fresh.workspace  # type: ignore[attr-defined]
    workspace.import_files(ImportCall(paths=(people,), table="customers", source="crm"))
    workspace.import_files(ImportCall(paths=(answers,), table="survey_responses", source="crm"))
    assert "/identity/merge?kind=person&amp;one=crm%3Aann" in fresh.get("/customers/ann").text

    both = {"kind": "person", "one": "crm:ann", "other": "crm:anna"}
    shown = fresh.get("/identity/merge", params=both).text
    harmless(shown)
    assert "Net Promoter Score" in shown
    assert not workspace.links()
    assert fresh.get("/identity/merge", params=both | {"other": "crm:nobody"}).status_code == 404
    assert fresh.post("/identity/merge", data=both | {"form_token": "x"}).status_code == 403
    assert not workspace.links()

    token = {"form_token": token_of(fresh)}
    assert "Done" in fresh.post("/identity/merge", data=both | token).text
    assert [link.state for link in workspace.links()] == ["holds"]
    assert fresh.post("/identity/merge", data=both | token).status_code == 422  # they are one already
    page = fresh.get("/customers/ann").text
    assert "how to part them" in page
    assert "<code>crm:anna</code>" in page
