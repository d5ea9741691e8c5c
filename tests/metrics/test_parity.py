"""Other products' numbers: found by the presets' names, asked over the same days, with words that say why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from wellheard import kpi_contract
from wellheard.base.errors import Unknown
from wellheard.metrics.catalogue import metric, metrics
from wellheard.metrics.metric import Preset, Variant
from wellheard.metrics.parity import last_month, name_of, pairs, pairs_of, products
from wellheard.metrics.samples import scored

PROMISED = ["baremetrics", "chartmogul", "chatwoot", "intercom", "zendesk"]


def test_every_promised_product_has_figures() -> None:
    assert products(metrics().values()) == PROMISED
    assert [name_of(each) for each in PROMISED] == ["Baremetrics", "ChartMogul", "Chatwoot", "Intercom", "Zendesk"]


def test_a_new_preset_appears_by_itself() -> None:
    preset = Preset("Score", "Theirs is rounded.", "their help")
    kpi = metric("csat")
    more = replace(kpi, variants=(*kpi.variants, Variant("as_new_desk", "Rounded. Formula only.", preset=preset)))
    (pair,) = pairs_of([more], "new_desk")
    assert (pair.name, pair.theirs, pair.ours, pair.checked) == ("New desk", "as_new_desk", "", "formula only")


@pytest.mark.parametrize(
    ("variant", "fault"),
    [
        (Variant("as_desk", "Rounded."), "has a preset where its name"),
        (Variant("as_desk", "Rounded.", preset=Preset("a", "They differ.", "b")), "says formula only where"),
        (Variant("as_desk", "Formula only.", preset=Preset("a", "", "b")), "why it differs"),
        (Variant("as_desk", "Rounded.", preset=Preset("a", "They differ.", "b", printed=True)), "no example of csat"),
        (
            Variant("as_desk", "Formula only.", preset=Preset("a", "They differ.", "b", beside=("nowhere",))),
            "beside nowhere, which is none",
        ),
    ],
)
def test_a_preset_that_says_too_little_is_found_out(variant: Variant, fault: str) -> None:
    kpi = metric("csat")
    assert any(fault in problem for problem in kpi_contract.words(replace(kpi, variants=(*kpi.variants, variant))))


def test_variants_stand_beside_their_like() -> None:
    found = {(p.product, p.kpi.name, p.theirs): p.ours for p in pairs(metrics().values())}
    assert found["baremetrics", "churn_rate", "as_baremetrics+revenue"] == "revenue"
    assert found["chartmogul", "net_revenue_retention", "as_chartmogul+monthly"] == "monthly"


def test_an_unknown_product_names_those_there_are() -> None:
    with pytest.raises(Unknown) as error:
        pairs_of(metrics().values(), "foo")
    assert "zendesk" in error.value.hint


def test_the_last_complete_month() -> None:
    assert last_month(date(2026, 3, 30)) == (date(2026, 2, 1), date(2026, 3, 1))
    assert last_month(date(2026, 3, 31)) == (date(2026, 3, 1), date(2026, 4, 1))


@pytest.mark.slow
def test_both_numbers_are_of_the_same_days(desk: Any) -> None:
    desk.deliver(scored("csat", {5: 40, 4: 30, 3: 15, 2: 10, 1: 5}, scale_min=1, scale_max=5))
    told = {each.pair.kpi.name: each for each in desk.workspace.parity("zendesk", "2026-03-01", "2026-04-01")}
    csat = told["csat"]
    assert (csat.start, csat.end) == (date(2026, 3, 1), date(2026, 4, 1))
    assert (csat.theirs["value"], csat.ours["value"], csat.theirs["n"]) == (70.0, 70.0, 100)
    assert told["resolution_time"].theirs["value"] is None
    nothing = desk.workspace.parity("zendesk")  # the answers end on 5 March, so the last complete month is February
    assert {each.start for each in nothing if each.pair.kpi.name == "csat"} == {date(2026, 2, 1)}
    assert all(each.theirs["n"] == 0 for each in nothing)
