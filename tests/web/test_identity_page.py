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
