"""A workspace's own KPIs: read from TOML, asked like the built-in ones, held to the same contract, kept in versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from wellheard.base.errors import BadInput, Unknown
from wellheard.cli import app
from wellheard.metrics.own import own_metrics, read_metric

EXAMPLE = Path(__file__).parents[2] / "examples" / "kpis" / "urgent_share.toml"
HEAD = """
name = "weight"
title = "Weight"
question = "How heavy?"
formula = "what it says"
table = "orders"
direction = "up"
since = 2026-01-01
"""
ORDERS = [
    {"source_id": key, "customer_id": who, "ordered_at": day, "revenue": revenue, "currency": currency, **weight}
    for key, who, day, revenue, currency, weight in [
        ("1", "a", "2026-03-01", 10, "EUR", {"attributes.kg": "2"}),
        ("2", "a", "2026-03-02", 20, "EUR", {"attributes.kg": "3"}),
        ("3", "b", "2026-03-03", 60, "USD", {"attributes.kg": "8"}),
        ("4", "c", "2026-04-03", 90, "EUR", {}),
    ]
]
RATES = [{"source_id": "r", "from_currency": "USD", "to_currency": "EUR", "on_date": "2026-01-01", "rate": 0.5}]


def _write(folder: Path, figure: str, head: str = HEAD, name: str = "weight.toml") -> Path:
    path = folder / name
    path.write_text(f"{head}\n[figure]\n{figure}\n", "utf-8")
    return path


# What each brick makes of the four orders; kg is a free attribute, and the fourth order has none.
FIGURES: list[tuple[str, str, float, int]] = [
    ('brick = "count"', "", 4, 4),
    ('brick = "count"\nper = "customer"', "", 3, 3),
    ('brick = "sum"\nvalue = "kg"', "", 13, 3),
    ('brick = "sum"\nvalue = "revenue"', 'unit = "money"', 150, 4),
    ('brick = "mean"\nvalue = "kg"', "", 13 / 3, 3),
    ('brick = "mean"\nvalue = "kg"\ncounts = "kg < 5"', "", 2.5, 2),
    ('brick = "mean"\nvalue = "kg"\namong = "region = \'EU\'"', "", 2.5, 2),
    ('brick = "share"\ngood = "kg > 2"', "", 50, 4),
    ('brick = "share"\ngood = "kg > 2"\nper = "customer"', "", 200 / 3, 3),
    ('brick = "net"\ngood = "kg > 2"\nbad = "kg <= 2"', "", 25, 4),
    ('brick = "ratio"\nvalue = "revenue"\nover = "kg"\namong = "kg > 0"', 'unit = "money"', 60 / 13, 3),
    ('brick = "ratio"\nvalue = "kg"\nper = "customer"\namong = "kg > 0"', "", 6.5, 2),
    ('brick = "quantile"\nvalue = "kg"\nquantile = 0.5', "", 3, 3),
    ('brick = "share"\ngood = "kg > 2"\npending = "ordered_at >= \'2026-04-01\'"', "", 200 / 3, 3),
]


@pytest.mark.parametrize(("figure", "more", "value", "n"), FIGURES, ids=lambda v: str(v).replace("\n", " ")[:40])
def test_each_brick_gives_what_the_rows_give_by_hand(
    shared_desk: Any, tmp_path: Path, figure: str, more: str, value: float, n: int
) -> None:
    desk = shared_desk
    if "orders" not in desk.touched:
        desk.clear()
        people = [{"source_id": "a", "region": "EU", "updated_at": "2026-01-01"}]
        desk.deliver({"orders": ORDERS, "fx_rates": RATES, "customers": people})
    (row,) = desk.ask(read_metric(_write(tmp_path, figure, HEAD + more)))
    assert row["value"] == pytest.approx(value, rel=1e-12)
    assert row["n"] == n
    if (figure, more, value, n) == FIGURES[-1]:
        assert row["pending"] == 1
        desk.clear()


@pytest.mark.parametrize(
    ("head", "figure", "words"),
    [
        (HEAD, 'brick = "share"', "a share needs good"),
        (HEAD, 'brick = "guess"', "figure.brick"),
        (HEAD, 'brick = "share"\ngood = "kg >"', "the filter cannot be read here"),
        (HEAD, 'brick = "count"\ncolour = "red"', "figure.colour"),
        (HEAD.replace("orders", "cars"), 'brick = "count"', "there is no table 'cars'"),
        (HEAD + 'placed_by = "status"', 'brick = "count"', "'status' is no instant of orders"),
        (HEAD.replace("How heavy?", "Heavy"), 'brick = "count"', "question"),
        (HEAD + "least_n = 5", 'brick = "count"', "least_n"),
        ("name = [", 'brick = "count"', "is not TOML"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, head: str, figure: str, words: str) -> None:
    path = _write(tmp_path, figure, head)
    with pytest.raises(BadInput) as caught:
        read_metric(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_versions_stay_and_names_are_taken_once(tmp_path: Path) -> None:
    _write(tmp_path, 'brick = "count"')
    _write(tmp_path, 'brick = "sum"\nvalue = "revenue"', HEAD + "version = 2", "weight2.toml")
    _write(tmp_path, 'brick = "count"', HEAD.replace('"weight"', '"nps"'), "nps.toml")
    _write(tmp_path, 'brick = "count"', name="weight_again.toml")
    own = own_metrics(tmp_path, taken=("nps",))
    assert [metric.version for metric in own.found["weight"]] == [2, 1]
    assert list(own.found) == ["weight"]
    assert ["nps is built in" in str(f) or "another file too" in str(f) for f in own.faults] == [True, True]


@pytest.mark.slow
def test_a_home_shows_asks_and_checks_its_own(new_desk: Any, tmp_path: Path) -> None:
    desk = new_desk()
    folder = desk.workspace.home / "kpis"
    folder.mkdir()
    (folder / "urgent_share.toml").write_text(EXAMPLE.read_text("utf-8"), "utf-8")
    desk.deliver(
        {
            "conversations": [
                {"source_id": "1", "opened_at": "2026-03-05", "opened_by": "customer", "priority": "urgent"}
            ]
        }
    )
    assert "urgent_share" in [kpi.name for kpi in desk.workspace.kpis()]
    assert desk.one("urgent_share@1")["value"] == 100
    assert desk.one("urgent_share")["definition"] == "urgent_share@1"
    with pytest.raises(Unknown, match="no version 7"):
        desk.one("urgent_share@7")
    before = desk.workspace.state()
    _write(folder, 'brick = "count"')
    assert desk.workspace.state() != before
    assert desk.one("weight")["n"] == 0
    (folder / "weight.toml").write_text("name = 1", "utf-8")
    assert [fault.place.file for fault in desk.workspace.catalogue.faults] == [str(folder / "weight.toml")]
    (folder / "weight.toml").unlink()
    desk.workspace.close()
    run = CliRunner().invoke(app, ["--home", str(desk.workspace.home), "kpis", "check", "--format", "json"])
    assert run.exit_code == 0, run.output
    findings = json.loads(run.stdout)
    assert all(finding["holds"] for finding in findings), findings
    assert len(findings) > 10
    other = _write(tmp_path, 'brick = "share"\ngood = "priority = \'low\'"', HEAD.replace("orders", "conversations"))
    run = CliRunner().invoke(
        app,
        [
            "--home",
            str(desk.workspace.home),
            "kpi",
            "urgent_share",
            "--preview-definition",
            str(other),
            "--format",
            "json",
        ],
    )
    assert run.exit_code == 0, run.output
    (march,) = [m for m in json.loads(run.stdout) if m["period_start"] == "2026-03-01"]
    assert (march["before_value"], march["after_value"]) == (100, 0)


@pytest.mark.slow
def test_the_check_finds_what_is_wrong(new_desk: Any, tmp_path: Path) -> None:
    desk = new_desk()
    desk.workspace.close()
    wrong = EXAMPLE.read_text("utf-8").replace("value = 50.0", "value = 51.0", 1)
    path = tmp_path / "wrong.toml"
    path.write_text(wrong, "utf-8")
    run = CliRunner().invoke(app, ["--home", str(desk.workspace.home), "kpis", "check", str(path), "--format", "json"])
    assert run.exit_code == 1
    assert ["51.0" in f["problem"] for f in json.loads(run.stdout) if not f["holds"]] == [True]
