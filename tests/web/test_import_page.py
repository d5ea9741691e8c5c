"""Takes a file in through the pages, as a person would: upload, map, look, take, take back."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

pytestmark = pytest.mark.slow  # everyday checks leave it out

Token = Callable[[TestClient], str]
FILE = """Rating,When,Store
10,2026-03-01 10:00,North
9,2026-03-02 11:00,South
2,2026-03-03 12:00,North
ten,2026-03-04 13:00,North
"""


def upload(client: TestClient, token: str, name: str, content: str | bytes) -> Any:
    return client.post("/import/upload", data={"form_token": token}, files={"file": (name, content)})


def finished(client: TestClient, address: str) -> str:
    """The page of a job once it is done."""
    for _ in range(600):
        text = client.get(f"/import/{address}/progress").text
        if "aria-busy" not in text:
            return text
        time.sleep(0.05)
    raise AssertionError("the import never ended")


def uploaded(client: TestClient, token: str, name: str = "march.csv", content: str | bytes = FILE) -> str:
    response = upload(client, token, name, content)
    assert response.status_code == 200, response.text
    return str(response.url).rpartition("/")[2]


CHOSEN = {
    "table": "survey_responses",
    "col-0": "score",
    "col-1": "answered_at",
    "col-2": "+",
    "set-0": "kind",
    "value-0": "nps",
    "tz": "Europe/Berlin",
    "source": "shop",
}


def test_a_file_is_uploaded_mapped_looked_at_taken_and_taken_back(fresh: TestClient, token_of: Token) -> None:
    token = token_of(fresh)
    address = uploaded(fresh, token)
    page = fresh.get(f"/import/{address}?table=survey_responses").text
    assert "Rating" in page
    assert "2026-03-02 11:00" in page

    fresh.post(f"/import/{address}/check", data={"form_token": token, **CHOSEN})
    looked = finished(fresh, address)
    assert "This is what would happen" in looked
    assert "1 rows would be" in looked
    assert fresh.workspace.counts()["survey_responses"] == 0  # type: ignore[attr-defined]

    fresh.post(f"/import/{address}/run", data={"form_token": token})
    done = finished(fresh, address)
    assert "It is in" in done
    assert "What this data can feed" in done
    rows = fresh.get("/api/v1/kpis/nps?by=Store").json()["data"]
    assert {row["Store"]: (row["n"], row["value"]) for row in rows} == {"North": (2, 0.0), "South": (1, 100.0)}
    first = fresh.get("/api/v1/kpis/nps?rows=true").json()["data"][-1]
    assert first["instant"] == "2026-03-01T09:00:00+00:00"  # ten o'clock in Berlin

    found = re.search(r'action="(/imports/[^"]+/undo)"', fresh.get("/import").text)
    assert found is not None
    fresh.post(found.group(1), data={"form_token": token})
    assert fresh.get("/api/v1/kpis/nps").json()["data"][0]["n"] == 0
    assert "taken back" in fresh.get("/import").text


def test_an_uploaded_file_is_removed_once_it_is_in(fresh: TestClient, token_of: Token) -> None:
    token = token_of(fresh)
    address = uploaded(fresh, token)
    folder = fresh.workspace.folder / "uploads" / address  # type: ignore[attr-defined]
    assert folder.is_dir()
    fresh.post(f"/import/{address}/run", data={"form_token": token, **CHOSEN})
    finished(fresh, address)
    assert not folder.exists()


def test_a_column_left_out_stays_out_even_where_its_name_is_known(fresh: TestClient, token_of: Token) -> None:
    token = token_of(fresh)
    address = uploaded(fresh, token, content="kind,score,channel,answered_at\nnps,9,mail,2026-03-01\n")
    chosen = {"table": "survey_responses", "col-0": "kind", "col-1": "score", "col-2": "", "col-3": "answered_at"}
    fresh.post(f"/import/{address}/run", data={"form_token": token, **chosen})
    finished(fresh, address)
    (row,) = fresh.get("/api/v1/kpis/nps?by=channel").json()["data"]
    assert row["channel"] is None
    assert row["n"] == 1


def test_an_ambiguous_date_is_asked_about_and_a_format_settles_it(fresh: TestClient, token_of: Token) -> None:
    token = token_of(fresh)
    address = uploaded(fresh, token, content="score,day\n9,03/04/2026\n8,05/06/2026\n")
    chosen = {"table": "survey_responses", "col-0": "score", "col-1": "answered_at", "set-0": "kind", "value-0": "nps"}
    fresh.post(f"/import/{address}/check", data={"form_token": token, **chosen})
    said = finished(fresh, address)
    assert "This would not work yet" in said
    assert "What to do" in said
    settled = {**chosen, "date-0": "1", "format-0": "%d/%m/%Y"}
    fresh.post(f"/import/{address}/run", data={"form_token": token, **settled})
    assert "It is in" in finished(fresh, address)
    days = {row["instant"][:10] for row in fresh.get("/api/v1/kpis/nps?rows=true").json()["data"]}
    assert days == {"2026-04-03", "2026-06-05"}


def test_the_mapping_is_kept_as_a_recipe_that_reads_as_toml(fresh: TestClient, token_of: Token) -> None:
    token = token_of(fresh)
    address = uploaded(fresh, token, content='Rating,When,"a ""quoted"" \\ name"\n9,2026-03-01,x\n')
    fresh.post(f"/import/{address}/check", data={"form_token": token, **CHOSEN})
    finished(fresh, address)
    recipe = tomllib.loads(fresh.get(f"/import/{address}/recipe.toml").text)
    columns = recipe["tables"][0]["columns"]
    assert columns["score"] == "Rating"
    assert columns["kind"] == {"set": "nps"}
    assert columns["attributes"] == {'a "quoted" \\ name': 'a "quoted" \\ name'}


@pytest.mark.parametrize("content", ["", b"\x00\x01\x02 not a table \xff"])
def test_what_cannot_be_read_says_so_and_offers_another_file(fresh: TestClient, token_of: Token, content: Any) -> None:
    response = upload(fresh, token_of(fresh), "odd.parquet", content)
    assert response.status_code == 422
    assert "What to do" in response.text


def test_a_file_above_the_limit_is_refused(fresh: TestClient, token_of: Token) -> None:
    token = token_of(fresh)
    most = fresh.workspace.settings.max_upload_mb  # type: ignore[attr-defined]
    headers = {"content-length": str((most + 1) * 1_000_000), "content-type": "multipart/form-data; boundary=x"}
    response = fresh.post("/import/upload", content=b"--x--", headers=headers, params={"t": token})
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"


def test_two_columns_cannot_mean_the_same(fresh: TestClient, token_of: Token) -> None:
    token = token_of(fresh)
    address = uploaded(fresh, token)
    doubled = {"table": "survey_responses", "col-0": "score", "col-1": "score"}
    response = fresh.post(f"/import/{address}/check", data={"form_token": token, **doubled})
    assert response.status_code == 422
    assert "both said to be score" in response.text


def test_S8_hostile_file_names_headers_and_cells_are_only_text(
    fresh: TestClient, token_of: Token, hostile: tuple[str, ...], harmless: Callable[[str], None]
) -> None:
    token = token_of(fresh)
    header = ",".join('"' + text.replace('"', '""') + '"' for text in hostile)
    cells = ",".join('"' + text.replace('"', '""') + '"' for text in hostile)
    for text in hostile:
        name = text.replace("/", "") + ".csv"
        address = uploaded(fresh, token, name, f"score,answered_at,{header}\n9,2026-03-01,{cells}\n")
        pages = [fresh.get(f"/import/{address}").text]
        chosen = {
            "table": "survey_responses",
            "col-0": "score",
            "col-1": "answered_at",
            "set-0": "kind",
            "value-0": text,
        }
        chosen |= {f"col-{n + 2}": "+" for n in range(len(hostile))}
        fresh.post(f"/import/{address}/check", data={"form_token": token, **chosen})
        pages += [finished(fresh, address), fresh.get(f"/import/{address}/job").text]
        fresh.post(f"/import/{address}/run", data={"form_token": token, **(chosen | {"value-0": "nps"})})
        pages += [finished(fresh, address), fresh.get("/import").text]
        for page in pages:
            harmless(page)


QUALTRICS = (
    "StartDate,EndDate,Status,RecordedDate,ResponseId,Q1,Q2,Q3\n"
    'Start,End,Type,Recorded,Key,"<b>How</b> likely are you to recommend us?",How satisfied are you?,Why?\n'
    + ",".join(
        '"{""ImportId"":""' + name + '""}"'
        for name in ("startDate", "endDate", "status", "recordedDate", "_recordId", "QID1", "QID2", "QID3_TEXT")
    )
    + "\n"
    "2026-03-01 09:00:00,2026-03-01 09:01:00,0,2026-03-01 09:01:00,R_1,10,2,fine\n"
    "2026-03-01 10:00:00,2026-03-01 10:01:00,1,2026-03-01 10:01:00,R_2,0,1,trying it\n"
)


def test_a_known_export_says_what_it_asks_and_is_told_the_rest(fresh: TestClient, token_of: Token) -> None:
    token = token_of(fresh)
    address = uploaded(fresh, token, "relations.csv", QUALTRICS)
    page = fresh.get(f"/import/{address}").text
    assert "An export of Qualtrics" in page
    assert "nps 0–10, main" in page
    assert "<b>How</b>" not in page

    chosen = {"export": "qualtrics", "question-1": "Q2", "asks-1": "csat:1-7", "source": "relations"}
    fresh.post(f"/import/{address}/check", data={"form_token": token, **chosen})
    assert "--tz" in finished(fresh, address)  # the file does not say which clock its times are of

    fresh.post(f"/import/{address}/check", data={"form_token": token, **chosen, "tz": "America/Denver"})
    looked = finished(fresh, address)
    assert "csat 1–7, main" in looked
    assert "3 trial answers: kept, and in no KPI" in looked
    fresh.post(f"/import/{address}/run", data={"form_token": token})
    assert "It is in" in finished(fresh, address)
    nps = fresh.get("/api/v1/kpis/nps?rows=true").json()["data"]
    assert [(row["instant"], row["why"]) for row in nps] == [
        ("2026-03-01T17:01:00+00:00", "a trial answer"),
        ("2026-03-01T16:01:00+00:00", "counted"),
    ]


def test_a_file_that_is_no_known_export_can_be_named_as_one(fresh: TestClient, token_of: Token) -> None:
    address = uploaded(fresh, token_of(fresh), "answers.csv", "date,would you recommend us\n2026-03-01T09:00:00Z,9\n")
    assert "What do the columns mean?" in fresh.get(f"/import/{address}").text
    assert "would you recommend us" in fresh.get(f"/import/{address}?export=wide").text
