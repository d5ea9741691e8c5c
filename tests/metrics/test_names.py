"""What a dimension's name means, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from wellheard.base.errors import BadCall, Refused, Unknown
from wellheard.metrics.catalogue import metric, metrics
from wellheard.metrics.names import VALUES, Origin, dimension, known_names
from wellheard.metrics.question import RESULT, column_of
from wellheard.tables.catalogue import tables

FACTS = sorted({kpi.tables[0] for kpi in metrics().values()})


def nothing(_: str) -> frozenset[str]:
    return frozenset()


@pytest.mark.parametrize("fact", FACTS)
def test_every_known_name_is_found_and_public(fact: str) -> None:
    for name in known_names(fact, nothing):
        for origin in dimension(name, fact, nothing).origins if name not in VALUES else ():
            assert not tables()[origin.table].by_name[origin.column].private


@pytest.mark.parametrize("table", sorted(tables()))
def test_no_personal_column_is_a_dimension(table: str) -> None:
    for column in tables()[table].private:
        with pytest.raises(Refused):
            dimension(column.name, table, nothing)
        prefix = {"customers": "customer", "accounts": "account"}.get(table)
        if prefix:
            with pytest.raises(Refused):
                dimension(f"{prefix}.{column.name}", "conversations", nothing)


def test_the_facts_own_column_comes_before_the_customers() -> None:
    assert dimension("language", "survey_responses", nothing).origins == (Origin("survey_responses", "language"),)
    assert dimension("customer.language", "survey_responses", nothing).origins == (Origin("customers", "language"),)
    assert dimension("region", "survey_responses", nothing).origins == (
        Origin("customers", "region"),
        Origin("accounts", "region"),
    )


def test_an_attribute_is_found_in_the_fact_its_customer_and_its_account() -> None:
    seen = {"survey_responses": frozenset({"seat"}), "accounts": frozenset({"seat", "rating"})}
    found = dimension("seat", "survey_responses", lambda t: seen.get(t, frozenset()))
    assert [o.table for o in found.origins] == ["survey_responses", "accounts"]
    with pytest.raises(Unknown):
        dimension("seats", "survey_responses", lambda t: seen.get(t, frozenset()))


@pytest.mark.parametrize(
    "name", ["", ".", "customer.", "customer.nothing", "attributes", "attributes.", "id", "deleted", "facts.main.x"]
)
def test_what_is_no_dimension_is_unknown_with_what_there_is(name: str) -> None:
    with pytest.raises(Unknown) as caught:
        dimension(name, "survey_responses", nothing)
    assert "channel" in caught.value.hint
    assert caught.value.field == "by"


def test_an_unknown_kpi_or_variant_is_told_the_nearest() -> None:
    with pytest.raises(Unknown) as caught:
        metric("npss")
    assert "nps" in caught.value.hint
    with pytest.raises(Unknown) as caught:
        metric("csat").asked(["meen"])
    assert "mean" in caught.value.hint


def test_a_dimension_never_hides_a_figure(desk: Any) -> None:
    assert column_of("currency") == "by_currency"
    assert column_of("region") == "region"
    order = {"customer_id": "a", "ordered_at": "2026-03-05", "revenue": 10}
    desk.deliver(
        {
            "orders": [
                {**order, "source_id": "1", "currency": "EUR", "attributes.n": "many"},
                {**order, "source_id": "2", "currency": "EUR", "attributes.n": "few"},
            ]
        }
    )
    rows = desk.kpi("revenue_per_user", by=["n", "currency"])
    assert {(row["by_n"], row["by_currency"], row["n"], row["currency"]) for row in rows} == {
        ("many", "EUR", 1, "EUR"),
        ("few", "EUR", 1, "EUR"),
    }
    assert set(desk.one("revenue_per_user", compare="previous")) <= RESULT


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("region[1, 2]", "text"),
        ("answered_at[5]", "instant"),
        ("complete[1]", "boolean"),
        ("segments.eu[1]", "boolean"),
    ],
)
def test_only_a_number_is_cut_into_ranges(name: str, held: str) -> None:
    with pytest.raises(BadCall, match=f"holds {held}"):
        dimension(name, "survey_responses", nothing, {"eu": "region = 'EU'"})


def test_an_attribute_and_a_fifth_may_be_cut() -> None:
    for name in ("score[7, 9]", "rfm_money[2, 4]", "seats[10]"):
        assert dimension(name, "survey_responses", lambda _: frozenset({"seats"})).bins is not None
