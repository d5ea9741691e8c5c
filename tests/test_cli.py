"""The command line keeps its promises: what it prints, what it writes and how it ends."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wellheard import cli

ANSWERS = "id,when,points,note\n" + "".join(
    f"r{n},2025-01-{n + 1:02d} 10:00:00,{score},words {n}\n" for n, score in enumerate([10, 9, 9, 8, 7, 6, 0, 3])
)
MAPPED = ("--map", "source_id=id", "--map", "answered_at=when", "--map", "score=points", "--set", "kind=nps")


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Ended]


@pytest.fixture
def call(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Runs `wellheard ARGUMENTS` in a folder with a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WELLHEARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    shutil.copytree(template, tmp_path / "home")

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["wellheard", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capfd.readouterr()
        return Ended(int(leaving.value.code or 0), written.out, written.err)

    return run


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    path.write_text(ANSWERS)
    return path


def imports(call: Call) -> list[dict[str, Any]]:
    return list(call("imports", "--format", "json").json)


@pytest.mark.slow
def test_import_ask_list_and_undo(call: Call, answers: Path) -> None:
    taken = call("import", answers, "--table", "survey_responses", *MAPPED)
    assert taken.code == 0
    for word in ("rows read", "new", "changed", "unchanged", "rejected", "KPI", "missing", "csat"):
        assert word in taken.out
    asked = call("kpi", "nps", "--format", "json")
    assert asked.code == 0
    (row,) = asked.json
    assert (row["value"], row["n"]) == (0.0, 8)  # three promoters, three detractors
    (listed,) = imports(call)
    assert (listed["read"], listed["new"], listed["rejected"], listed["undone_at"]) == (8, 8, 0, None)
    assert listed["files"] == "answers.csv"
    again = call("import", answers, "--table", "survey_responses", *MAPPED)
    assert again.code == 0
    assert [(i["new"], i["unchanged"]) for i in imports(call)] == [(0, 8), (8, 0)]
    undone = call("undo", listed["id"])
    assert undone.code == 0
    assert call("kpi", "nps", "--format", "json").json[0]["n"] in (0, None)
    assert call("undo", listed["id"]).code == 2
    assert call("undo", "nothing").code == 2


def test_exit_3_and_a_file_where_rows_were_rejected(call: Call, answers: Path) -> None:
    answers.write_text(ANSWERS + "r8,2025-01-09,eleven,\nr9,2025-01-09,11,\n")
    taken = call("import", answers, "--table", "survey_responses", *MAPPED)
    assert taken.code == 3
    assert "points: 'eleven' is not a number" in taken.out
    path = Path(taken.out.split("with their reasons:")[1].split("\n")[0].strip())
    with path.open(newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [(row["file"], row["row"]) for row in rejected] == [("answers.csv", "9"), ("answers.csv", "10")]
    assert call("kpi", "nps", "--format", "json").json[0]["n"] == 8


@pytest.mark.slow
def test_dry_run_says_all_and_writes_nothing(call: Call, answers: Path, tmp_path: Path) -> None:
    tried = call("import", answers, "--table", "survey_responses", *MAPPED, "--dry-run")
    assert tried.code == 0
    assert "nothing was written" in tried.out
    assert imports(call) == []
    assert not list((tmp_path / "home").rglob("*.rejects.csv"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "answers.csv"), "--table or --recipe"),
        (("import", "answers.csv", "--table", "surveys"), "surveys"),
        (("import", "nowhere.csv", "--table", "orders"), "there is no file"),
        (("import", "answers.csv", "--table", "survey_responses", "--map", "points"), "name=value"),
        (("import", "answers.csv", "--table", "survey_responses", "--map", "stars=points"), "no column 'stars'"),
        (("import", "answers.csv", "--table", "survey_responses", "--map", "score=stars"), "reads the column 'stars'"),
        (("import", "answers.csv", "--table", "survey_responses", "--tz", "Mars/Phobos"), "Mars/Phobos"),
        (("import", "answers.csv", "--table", "survey_responses", "--date-format", "when"), "column=FORMAT"),
        (("import", "answers.csv", "--table", "survey_responses", "--fold", "both"), "earlier"),
        (("import", "answers.csv", "--table", "survey_responses", "--decimal", ";"), "decimal"),
        (("import", "--nonsense",), "nonsense"),
        (("kpi", "happiness"), "happiness"),
        (("kpi", "nps", "--grain", "fortnight"), "fortnight"),
        (("kpi", "nps", "--format", "xml"), "xml"),
        (("kpi", "nps", "--where", "segment = "), "segment"),
        (("--workspace", "../x", "imports"), "workspace"),
        (("nonsense",), "nonsense"),
    ],
)  # fmt: skip
def test_exit_2_on_a_bad_call(call: Call, answers: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = call(*arguments)
    assert ended.code == 2, ended
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.slow
def test_ambiguous_date_ends_with_both_readings(call: Call, answers: Path) -> None:
    answers.write_text("id,when,points\na,03/04/2025,9\nb,05/06/2025,2\n")
    asked = call("import", answers, "--table", "survey_responses", *MAPPED)
    assert asked.code == 2
    assert "2025-04-03 (day first)" in asked.err
    assert "2025-03-04 (month first)" in asked.err
    assert "column when" in asked.err
    assert "--date-format when=%d/%m/%Y" in asked.err
    assert imports(call) == []
    # The column may be named as in the file or as in the table.
    for column in ("when", "answered_at"):
        told = call("import", answers, "--table", "survey_responses", *MAPPED, "--date-format", f"{column}=%m/%d/%Y")
        assert told.code == 0
    listed = call("kpi", "nps", "--rows", "--format", "json").json
    assert {str(row["answered_at"])[:10] for row in listed if "answered_at" in row} <= {"2025-03-04", "2025-05-06"}
    (row,) = call("kpi", "nps", "--from", "2025-03-01", "--to", "2025-04-01", "--format", "json").json
    assert row["n"] == 1


@pytest.mark.slow
def test_ambiguous_zone_ends_with_both_readings(call: Call, answers: Path) -> None:
    answers.write_text("id,when,points\na,2025-03-04 10:00 CST,9\n")
    asked = call("import", answers, "--table", "survey_responses", *MAPPED)
    assert asked.code == 2
    assert "America/Chicago" in asked.err
    assert "Asia/Shanghai" in asked.err
    assert "--tz" in asked.err
    assert call("import", answers, "--table", "survey_responses", *MAPPED, "--tz", "Asia/Shanghai").code == 0


@pytest.mark.slow
def test_tz_places_wall_clock_times(call: Call, answers: Path) -> None:
    answers.write_text("id,when,points\na,2025-03-04 23:30:00,9\n")
    assert call("import", answers, "--table", "survey_responses", *MAPPED, "--tz", "America/New_York").code == 0
    (row,) = call("kpi", "nps", "--from", "2025-03-05", "--to", "2025-03-06", "--format", "json").json
    assert row["n"] == 1


@pytest.mark.slow
def test_attributes_become_dimensions(call: Call, answers: Path) -> None:
    answers.write_text("id,when,points,Shop Name\na,2025-03-04,9,North\nb,2025-03-04,1,South\n")
    taken = call("import", answers, "--table", "survey_responses", *MAPPED, "--map", "attributes.shop=Shop Name")
    assert taken.code == 0
    by = call("kpi", "nps", "--by", "shop", "--format", "json").json
    assert {row["shop"]: row["value"] for row in by} == {"North": 100.0, "South": -100.0}


@pytest.mark.slow
def test_files_of_other_kinds(call: Call, tmp_path: Path) -> None:
    rows = [{"source_id": f"k{n}", "kind": "nps", "score": n, "answered_at": "2025-03-04"} for n in range(3)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "b.tsv").write_text(
        "\t".join(rows[0]) + "\n" + "".join("\t".join(map(str, row.values())) + "\n" for row in rows)
    )
    for name in ("a.jsonl", "b.tsv"):
        ended = call("import", name, "--table", "survey_responses", "--source", name)
        assert ended.code == 0, ended.err
    assert [i["new"] for i in imports(call)] == [3, 3]


@pytest.mark.slow
def test_recipe_feeds_several_tables(call: Call, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(
        'source = "shop"\n'
        '[[tables]]\ntable = "customers"\n[tables.columns]\nsource_id = "who"\nsegment = "group"\n'
        '[[tables]]\ntable = "orders"\n[tables.columns]\nsource_id = "id"\ncustomer_id = "who"\nordered_at = "at"\n'
        'revenue = "paid"\ncurrency = { set = "EUR" }\n'
    )
    (tmp_path / "o.csv").write_text("id,who,group,at,paid\n1,c1,x,2025-01-01,10.50\n2,c1,x,2025-01-02,2.25\n")
    ended = call("import", "o.csv", "--recipe", "r.toml")
    assert ended.code == 0, ended.err
    assert [i["tables"] for i in imports(call)] == ["customers, orders"]
    assert call("import", "o.csv", "--recipe", "missing.toml").code == 2


def test_kpis_are_listed_with_their_words(call: Call) -> None:
    listed = call("kpis", "--format", "json").json
    names = {kpi["name"] for kpi in listed}
    assert {"nps", "csat", "ces", "churn_rate", "first_response_time", "revenue_per_user"} <= names
    wanted = {"name", "title", "question", "formula", "unit", "direction", "variants", "tables", "least_n", "version"}
    assert all(wanted <= set(kpi) for kpi in listed)
    assert "nps" in call("kpis").out


@pytest.mark.slow
def test_every_outcome_is_named_beside_its_share(call: Call, tmp_path: Path) -> None:
    (tmp_path / "why.csv").write_text(
        "id,when,choice\na,2025-03-04,support\nb,2025-03-04,support\nc,2025-03-04,other\n"
    )
    taken = (
        "--table",
        "survey_responses",
        "--set",
        "kind=intent",
        "--map",
        "source_id=id",
        "--map",
        "answered_at=when",
    )
    assert call("import", "why.csv", *taken).code == 0
    lines = [line for line in call("kpi", "visitor_intent").out.splitlines() if "%" in line and "│" in line]
    shown = {line.split("│")[2].strip(): line.split("│")[3].strip() for line in lines}
    assert {name: shown[name] for name in ("support", "other", "navigational")} == {
        "support": "66.7 %",
        "other": "33.3 %",
        "navigational": "0.0 %",
    }


@pytest.mark.slow
def test_a_variant_is_not_headed_by_the_usual_formula(call: Call, answers: Path) -> None:
    assert call("import", answers, "--table", "survey_responses", *MAPPED).code == 0
    usual, mean = call("kpi", "nps").out, call("kpi", "nps:mean", "--level", "0.999").out
    assert usual.startswith("Net Promoter Score: 100 × (promoters")
    assert "promoters" not in mean
    assert "not NPS" in mean
    assert "99.9% interval" in mean
    assert "promoters" in call("kpi", "nps:latest_per_customer").out  # it counts other answers by the same formula


@pytest.mark.slow
def test_a_table_of_cells_runs_no_formula(call: Call, tmp_path: Path) -> None:
    (tmp_path / "=cmd.csv").write_text(ANSWERS)
    assert call("import", "=cmd.csv", "--table", "survey_responses", *MAPPED).code == 0
    (row,) = csv.DictReader(io.StringIO(call("imports", "--format", "csv").out))
    assert row["files"] == "'=cmd.csv"


@pytest.mark.slow
def test_home_option_and_variable(call: Call, answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = call("--home", tmp_path / "other", "import", answers, "--table", "survey_responses", *MAPPED)
    assert ended.code == 0
    assert (tmp_path / "other" / "workspaces" / "main" / "format").exists()
    assert imports(call) == []  # WELLHEARD_HOME names another one


@pytest.mark.slow
def test_the_installed_program_ends_alike(tmp_path: Path, template: Path) -> None:
    """As a process of its own, which the other tests do without."""
    shutil.copytree(template, tmp_path / "h")

    def program(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from wellheard.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, "--home", str(tmp_path / "h"), *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip

    path = tmp_path / "a.csv"
    path.write_text("id,when,points\na,03/04/2025,9\n")
    asked = program("import", str(path), "--table", "survey_responses", *MAPPED)
    assert (asked.returncode, "day first" in asked.stderr) == (2, True)
    path.write_text("id,when,points\na,2025-04-03,9\nb,2025-04-03,x\n")
    assert program("import", str(path), "--table", "survey_responses", *MAPPED).returncode == 3
    found = program("kpi", "nps", "--format", "json")
    assert (found.returncode, json.loads(found.stdout)[0]["value"]) == (0, 100.0)
