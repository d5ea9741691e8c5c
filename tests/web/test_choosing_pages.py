"""The pages on which people choose: targets, segments, and which KPIs to track."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from wellheard.app import ImportCall

HOSTILE = "<script>window.hit=1</script>"
DAYS = {"from": "2026-08-01", "by": "2026-10-31"}


def _fill(client: TestClient, folder: Path) -> Any:
    file = folder / "answers.csv"
    rows = [
        f"a{i},nps,{10 if i % 3 else 3},2026-0{7 + i % 2}-1{i % 9}T10:00:00Z,{'gold' if i % 2 else 'new'}"
        for i in range(90)
    ]
    file.write_text("source_id,kind,score,answered_at,attributes.tier\n" + "\n".join(rows), encoding="utf-8")
    workspace = client.workspace  # type: ignore[attr-defined]
    workspace.import_files(ImportCall(paths=(file,), table="survey_responses"))
    return workspace


@pytest.mark.slow
def test_a_target_is_set_shown_on_tile_and_page_and_removed(
    fresh: TestClient, tmp_path: Path, token_of: Callable[[TestClient], str], harmless: Callable[[str], None]
) -> None:
    assert "None yet." in fresh.get("/targets").text
    workspace = _fill(fresh, tmp_path)
    told = {"kpi": "nps", "value": "20", "owner": HOSTILE, "where": "", **DAYS}
    assert fresh.post("/targets", data={**told, "form_token": "x"}).status_code == 403
    told["form_token"] = token_of(fresh)
    for field, wrong, words in (
        ("kpi", "npz", "no KPI called"),
        ("value", "much", "value"),
        ("by", "2026-07-01", "is not after"),
        ("where", f"tier = '{HOSTILE}", "cannot be read here"),
        ("kpi", "", "The KPI is empty"),
    ):
        answer = fresh.post("/targets", data={**told, field: wrong})
        assert answer.status_code in (404, 422), field
        assert words in answer.text
        harmless(answer.text)
    assert workspace.saved_targets() == ()
    assert fresh.post("/targets", data=told, follow_redirects=False).status_code == 303
    table = fresh.get("/targets/table?wait=1").text
    harmless(table)
    assert "likely to be met" in table
    assert "20 % of the days are over" in table
    assert "likely to be met" in fresh.get("/?wait=1").text
    assert "likely to be met" in fresh.get("/kpi/nps?wait=1").text
    (target,) = workspace.saved_targets()
    assert fresh.post(f"/targets/{target.key}/remove", data={"form_token": "x"}).status_code == 403
    fresh.post(f"/targets/{target.key}/remove", data={"form_token": told["form_token"]})
    assert workspace.saved_targets() == ()
    gone = fresh.post(f"/targets/{target.key}/remove", data={"form_token": told["form_token"]})
    assert gone.status_code == 404


@pytest.mark.slow
def test_a_segment_is_kept_broken_down_by_and_removed(
    fresh: TestClient, tmp_path: Path, token_of: Callable[[TestClient], str], harmless: Callable[[str], None]
) -> None:
    workspace = _fill(fresh, tmp_path)
    page = fresh.get(f"/segments?where={HOSTILE}").text
    harmless(page)
    told = {"name": "vip", "where": "tier = 'gold'", "form_token": token_of(fresh)}
    assert fresh.post("/segments", data={**told, "form_token": "x"}).status_code == 403
    assert "cannot be read here" in fresh.post("/segments", data={**told, "where": "tier ="}).text
    assert "no name" in fresh.post("/segments", data={**told, "name": "V I P"}).text
    assert fresh.post("/segments", data=told, follow_redirects=False).status_code == 303
    assert "segments.vip" in fresh.get("/segments").text
    shown = fresh.get("/kpi/nps/breakdown?by=segments.vip").text
    assert shown.count('<th scope="row">') == 2
    assert "True" not in fresh.get("/kpi/nps/breakdown?by=tier").text
    assert 'value="segments.vip"' in fresh.get("/kpi/nps").text
    fresh.post("/segments/vip/remove", data={"form_token": told["form_token"]})
    assert workspace.settings.segments == {}


@pytest.mark.slow
def test_a_number_is_cut_and_small_groups_are_gathered_on_the_page(
    fresh: TestClient, tmp_path: Path, harmless: Callable[[str], None]
) -> None:
    _fill(fresh, tmp_path)
    cut = fresh.get("/kpi/nps/breakdown", params={"cut": "score[5, 9]"}).text
    assert "under 5" in cut
    assert "9 or more" in cut
    wrong = fresh.get("/kpi/nps/breakdown", params={"cut": f"score[{HOSTILE}]"})
    assert "does not say where to cut" in wrong.text
    harmless(wrong.text)
    steadied = fresh.get("/kpi/nps/breakdown?by=tier&pooled=1").text
    assert "partial pooling" in steadied
    assert "Show the groups as they are" in steadied


@pytest.mark.slow
def test_a_set_is_chosen_and_the_scorecard_shows_it(
    fresh: TestClient, tmp_path: Path, token_of: Callable[[TestClient], str]
) -> None:
    workspace = _fill(fresh, tmp_path)
    page = fresh.get("/advise?goal=raise_support_quality&maturity=growing")
    assert "Show these 6 on the scorecard" in page.text
    assert "Missing" in page.text
    assert fresh.get("/advise?goal=fame").status_code == 422
    token = token_of(fresh)
    assert fresh.post("/advise", data={"kpi": ["nps"], "form_token": "x"}).status_code == 403
    assert fresh.post("/advise", data={"kpi": ["npz"], "form_token": token}).status_code == 404
    fresh.post("/advise", data={"kpi": ["nps", "csat:mean"], "form_token": token})
    assert workspace.scorecard() == ("nps", "csat")
    scorecard = fresh.get("/?wait=1").text
    assert scorecard.count("<article") == 2
    assert fresh.get("/?wait=1&all=1").text.count("<article") == len(workspace.kpis())
    fresh.post("/advise", data={"form_token": token})
    assert workspace.scorecard() == ()
