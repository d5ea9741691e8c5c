"""Traps of survey exports: what columns ask, unknown scales and clocks, and rows that never count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wellheard.base.errors import Ambiguous, BadCall
from wellheard.importing import ImportCall, Intake, intake
from wellheard.sources.exports.questions import Candidate, Taken, score_of, taken, told_of

SHARED = Path(__file__).parents[3] / "shared" / "reference"


def one(words: str, *values: str, told: str = "", **more: Any) -> Taken:
    candidate = Candidate("Q1", "QID1", words, frozenset(values), **more)
    return taken([candidate], {"Q1": told_of(told)} if told else {})[0]


@pytest.mark.parametrize(
    ("words", "values", "form", "scale"),
    [
        ("How likely are you to recommend us?", ("0", "9", "10"), "nps", (0, 10)),
        ("Würden Sie uns weiterempfehlen?", ("3",), "nps", (0, 10)),
        ("How likely are you to recommend us?", ("1", "11"), "custom", (None, None)),
        ("Would you recommend us?", ("Yes", "No"), "choice", (None, None)),
        ("How satisfied are you?", ("1", "5"), "csat", (1, 5)),
        ("How satisfied are you?", ("2", "7"), "csat", (1, 7)),
        ("How satisfied are you?", ("1", "4"), "custom", (None, None)),
        ("How satisfied are you?", ("0", "5"), "custom", (None, None)),
        ("How satisfied are you?", ("Satisfied", "very dissatisfied"), "csat", (1, 5)),
        ("How easy was it?", ("1", "7"), "ces", (1, 7)),
        ("Was it Easy?", ("Very easy", "Neutral"), "ces", (1, 5)),
        ("Please rate", ("1", "10"), "custom", (None, None)),
        ("How likely are you to recommend us?", ("10 - very likely", "0 - not at all", "7"), "nps", (0, 10)),
    ],
)
def test_a_column_feeds_a_kpi_only_where_words_and_values_say_so(
    words: str, values: tuple[str, ...], form: str, scale: tuple[int | None, int | None]
) -> None:
    found = one(words, *values)
    assert (found.form, (found.low, found.high)) == (form, scale)


def test_what_is_told_wins() -> None:
    assert one("How satisfied are you?", "1", "5", told="csat:1-10").high == 10
    assert one("Effort?", "1", "7", told="ces:1-7:low").direction == "low_is_good"
    assert one("How likely are you to recommend us?", "9", told="skip").answer("9") is None
    with pytest.raises(BadCall, match="no question 'Q9'"):
        taken([Candidate("Q1", "QID1", "", frozenset())], {"Q9": told_of("nps")})
    for wrong in ("csat:5-1", "promoter", "nps:", ""):
        with pytest.raises(BadCall):
            told_of(wrong)


def test_a_score_is_read_before_its_words_and_nothing_else_becomes_one() -> None:
    assert [score_of(t) for t in ("10 - Extremely likely", "7", "9.0", "3: fine")] == ["10", "7", "9", "3"]
    assert score_of("about 9") == "about 9"
    assert score_of("Neutral", ("bad", "neutral", "good")) == "2"


def test_the_first_question_of_a_kind_is_its_main_one() -> None:
    asked = [Candidate(c, c, "recommend", frozenset({"9"})) for c in ("a", "b")]
    assert [q.main for q in taken(asked, {})] == [True, False]


def _intake(folder: Path, name: str, text: str, **how: Any) -> Intake:
    path = folder / name
    path.write_text(text, "utf-8")
    return intake(ImportCall(paths=(path,), **how))


def _rows(given: Intake, table: str = "survey_responses") -> list[dict[str, Any]]:
    return [
        row
        for delivery in given.deliveries
        if delivery.table == table
        for batch in delivery.batches()
        for row in batch.to_pylist()
    ]


def test_times_of_an_unknown_clock_are_asked_about(tmp_path: Path) -> None:
    text = "Timestamp,Would you recommend us?\n2026-03-05 10:00:00,9\n"
    with pytest.raises(Ambiguous, match="which"):
        _intake(tmp_path, "f.csv", text)
    assert _intake(tmp_path, "f.csv", text, tz="Europe/Berlin").recipe.tz == "Europe/Berlin"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference data are not beside the checkout (../shared/reference)")
@pytest.mark.parametrize("name", ["sample.csv", "sample_legacy.csv"])
def test_published_files_of_qualtrics_are_read_in_both_forms(name: str) -> None:
    given = intake(ImportCall(paths=(SHARED / "qualtrics" / name,), tz="America/Denver", questions={"Q1": "choice"}))
    told = [(r["submission_id"], r["question_id"][:4], r["choice"] or r["comment"]) for r in _rows(given)]
    first = "QID1" if name == "sample.csv" else "Q1"
    second = "QID2" if name == "sample.csv" else "Q2"
    assert told == [("R_2YPOQ602ER1jkf1", first, "2"), ("R_2YPOQ602ER1jkf1", second, "Hello World!")]


def test_a_single_row_of_names_does_not_eat_the_first_respondent(tmp_path: Path) -> None:
    text = "Respondent ID,Collector ID,End Date,Would you recommend us?\n11,4,2026-03-05 10:00:00,9\n"
    (row,) = _rows(_intake(tmp_path, "m.csv", text, tz="UTC"))
    assert (row["submission_id"], row["kind"], row["score"]) == ("11", "nps", "9")


def test_american_dates_are_taken_so_only_while_none_contradicts_it(tmp_path: Path) -> None:
    text = "Respondent ID,Collector ID,End Date,Would you recommend us?\n1,4,{} 10:00:00,9\n"
    american = _intake(tmp_path, "a.csv", text.format("03/05/2026"), tz="UTC").recipe.date_formats
    assert american["answered_at"] == "%m/%d/%Y %H:%M:%S"
    assert _intake(tmp_path, "b.csv", text.format("25/03/2026"), tz="UTC").recipe.date_formats == {}


def test_an_answer_keeps_its_key_when_a_question_is_added_to_the_form(tmp_path: Path) -> None:
    before = _intake(tmp_path, "f.csv", "Timestamp,Would you recommend us?\n2026-03-05 10:00:00,9\n", tz="UTC")
    after = "Timestamp,Would you recommend us?,And why not?\n2026-03-05 10:00:00,9,\n2026-03-06 10:00:00,3,slow\n"
    keys = {row["source_id"] for row in _rows(before)}
    assert keys < {row["source_id"] for row in _rows(_intake(tmp_path, "f.csv", after, tz="UTC"))}


def test_equal_answers_of_one_second_all_count(tmp_path: Path) -> None:
    given = _intake(tmp_path, "f.csv", "Timestamp,Would you recommend us?\n" + "2026-03-05 10:00:00,9\n" * 3, tz="UTC")
    assert len({row["source_id"] for row in _rows(given)}) == 3


def test_trial_answers_and_suspected_programs_are_counted_apart(tmp_path: Path) -> None:
    ids = ("recordedDate", "status", "_recordId", "QID1")
    third = ",".join('"{""ImportId"":""' + name + '""}"' for name in ids)
    rows = "".join(f"2026-03-05 10:00:00,{status},R_{status},9\n" for status in ("0", "1", "2", "8", "16"))
    text = f"RecordedDate,Status,ResponseId,Q1\nr,s,k,Would you recommend us?\n{third}\n{rows}"
    given = _intake(tmp_path, "q.csv", text, tz="UTC")
    found = {row["submission_id"]: (row["test"], row["flag"]) for row in _rows(given)}
    assert found == {
        "R_0": ("false", None), "R_1": ("true", None), "R_2": ("true", None), "R_8": ("false", "spam"),
        "R_16": ("false", None),
    }  # fmt: skip
    assert given.left_out() == (("flagged as spam", 1), ("trial answers", 2))


def test_beside_columns_are_no_questions(tmp_path: Path) -> None:
    ids = ("recordedDate", "_recordId", "QID1", "QID1_NPS_GROUP", "QID1_DO", "QID3_FIRST_CLICK", "QID5_1", "QID5_2")
    third = ",".join('"{""ImportId"":""' + name + '""}"' for name in ids)
    text = (
        "D,K,Q1,Q1_G,O,T,M1,M2\nd,k,any words,g,o,t,price,speed\n"
        + third
        + "\n2026-03-05 10:00:00,R1,9,Promoter,1,2,4,5\n"
    )
    rows = _rows(_intake(tmp_path, "q.csv", text, tz="UTC"))
    assert [(r["question_id"], r["kind"], r["score"]) for r in rows] == [
        ("QID1", "nps", "9"), ("QID5_1", "custom", "4"), ("QID5_2", "custom", "5"),
    ]  # fmt: skip


def test_further_columns_can_be_kept_and_the_survey_named(tmp_path: Path) -> None:
    text = "#,Would you recommend us?,plan,Submit Date (UTC),Network ID\na,9,gold,2026-03-05 10:00:00,x\n"
    how = {"mapping": {"attributes.plan": "plan"}, "constants": {"survey_id": "spring"}, "questions": {"plan": "skip"}}
    (row,) = _rows(_intake(tmp_path, "t.csv", text, **how))
    assert (row["attributes.plan"], row["survey_id"]) == ("gold", "spring")


def test_files_of_two_systems_are_not_taken_together(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("person_id,email,bounced_at\n1,a@example.com,1772600000\n", "utf-8")
    (tmp_path / "b.csv").write_text("#,Would you recommend us?,Submit Date (UTC)\na,9,2026-03-05 10:00:00\n", "utf-8")
    with pytest.raises(BadCall, match="several systems"):
        intake(ImportCall(paths=(tmp_path / "a.csv", tmp_path / "b.csv")))


def test_a_file_that_is_no_export_says_what_can_be_said(tmp_path: Path) -> None:
    with pytest.raises(BadCall, match="either --table or --recipe") as told:
        _intake(tmp_path, "x.csv", "a,b\n1,2\n")
    assert "qualtrics" in told.value.hint
