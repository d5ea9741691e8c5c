"""The canonical tables hold what was agreed: names, private fields, references, instants and closed vocabularies."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import wellheard.tables
from wellheard.base.errors import Unknown
from wellheard.tables.catalogue import table, tables
from wellheard.tables.table import COMMON, Column, Table, Type

# Written by hand from the agreed list of columns; `*` marks a personal one. Tables may have more, never fewer.
AGREED = {
    "accounts": "name* domain* segment tier region industry owner parent_id created_at renewal_at ended_at",
    "appointments": "customer_id account_id starts_at ends_at kind status agent_id",
    "customers": "account_id name* email* phone* created_at ended_at segment tier region country language persona"
    " acquisition_channel referred_by",
    "survey_invitations": "survey_id customer_id account_id channel touchpoint sent_at delivered_at seen_at bounced"
    " unsubscribed",
    "survey_responses": "survey_id submission_id question_id main invitation_id kind question_version score scale_min"
    " scale_max choice task_success comment* language channel touchpoint asked_at answered_at complete customer_id"
    " account_id conversation_id order_id agent_id",
    "feedback": "channel rating scale_min scale_max title body* product language written_at customer_id",
    "conversations": "customer_id account_id channel topic severity priority status team agent_id opened_by opened_at"
    " first_customer_at first_human_reply_at first_resolved_at resolved_at closed_at reopen_count escalated"
    " self_service merged_into handling_seconds cost currency first_response_seconds first_response_business_seconds"
    " resolution_seconds resolution_business_seconds waiting_on_us_seconds",
    "messages": "conversation_id author_type author_id visibility auto_reply sent_at body*",
    "status_events": "conversation_id changed_at field old new actor_type",
    "subscriptions": "customer_id account_id product plan status mrr currency interval trial started_at ended_at",
    "orders": "customer_id account_id ordered_at kind status product revenue refunded goods_cost currency channel",
    "invoices": "customer_id account_id issued_at due_at paid_at amount currency status",
    "costs": "incurred_at kind amount currency customer_id account_id conversation_id channel",
    "visits": "visitor_id customer_id started_at channel campaign device landing pages intent bounced converted_at",
    "carts": "visitor_id customer_id opened_at checkout_at bought_at order_id value currency",
    "usage": "customer_id account_id used_at feature quantity",
    "referrals": "referrer_id referred_id referred_at converted_at status",
    "schedules": "schedule_id zone weekday opens closes holidays valid_from valid_to targets",
    "fx_rates": "from_currency to_currency on_date rate",
    "touchpoints": "touchpoint stage position",
    "text_scores": "text_id text_table written_at customer_id model scored_at language sentiment valence emotions"
    " strength topic_id aspect",
    "customer_scores": "customer_id account_id as_of kind value low high coverage model",
    "person_links": "person_id customer_id reason since undone_at",
    "company_links": "company_id account_id reason since undone_at",
}

INSTANTS = {
    "appointments": "starts_at",
    "accounts": "created_at",
    "carts": "opened_at",
    "company_links": None,
    "conversations": "opened_at",
    "costs": "incurred_at",
    "customer_scores": "as_of",
    "customers": "created_at",
    "feedback": "written_at",
    "fx_rates": None,
    "invoices": "issued_at",
    "messages": "sent_at",
    "orders": "ordered_at",
    "person_links": None,
    "referrals": "referred_at",
    "schedules": None,
    "status_events": "changed_at",
    "subscriptions": "started_at",
    "survey_invitations": "sent_at",
    "survey_responses": "answered_at",
    "text_scores": "written_at",
    "touchpoints": None,
    "usage": "used_at",
    "visits": "started_at",
}

REFERENCES = {
    "account_id": "accounts",
    "conversation_id": "conversations",
    "customer_id": "customers",
    "invitation_id": "survey_invitations",
    "merged_into": "conversations",
    "parent_id": "accounts",
    "referred_by": "customers",
    "referred_id": "customers",
    "referrer_id": "customers",
}

CLOSED = {
    ("survey_responses", "kind"): {"nps", "csat", "ces", "emotion", "intent", "fcr", "custom"},
    ("conversations", "opened_by"): {"customer", "human", "bot", "automation"},
    ("messages", "author_type"): {"customer", "human", "bot", "automation", "system"},
    ("messages", "visibility"): {"public", "internal"},
    ("orders", "kind"): {"new", "upsell", "cross_sell", "renewal"},
    ("costs", "kind"): {"acquisition", "service", "goods", "tooling"},
    ("text_scores", "strength"): {"low", "medium", "high"},
}

CLOCK = {
    "first_customer_at",
    "first_human_reply_at",
    "first_resolved_at",
    "resolved_at",
    "reopen_count",
    "first_response_seconds",
    "first_response_business_seconds",
    "resolution_seconds",
    "resolution_business_seconds",
    "waiting_on_us_seconds",
}

TABLES = list(tables().values())
EVERY = [(t, c) for t in TABLES for c in t.columns]
each_table = pytest.mark.parametrize("subject", TABLES, ids=lambda t: t.name)


def names(subject: Table) -> list[str]:
    return [c.name for c in (*COMMON, *subject.columns)]


def places(wanted: str) -> list[str]:
    """The tables with a column of that name."""
    return [t.name for t, c in EVERY if c.name == wanted]


def is_sentence(words: str) -> bool:
    return words[:1].isupper() and words.endswith(".") and 15 <= len(words) <= 120


def test_every_agreed_table_exists_and_no_other() -> None:
    assert set(tables()) == set(AGREED)


def test_a_file_is_named_after_its_table() -> None:
    files = {p.stem for p in Path(wellheard.tables.__file__).parent.glob("*.py")} - {"__init__", "table", "catalogue"}
    assert files == set(tables())
    assert {name: t.name for name, t in tables().items()} == {name: name for name in files}


def test_tables_stand_in_alphabetical_order() -> None:
    assert list(tables()) == sorted(AGREED)


def test_an_unknown_table_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(Unknown) as refusal:
        table("tickets")
    assert "conversations" in refusal.value.hint


@each_table
def test_agreed_columns_are_present(subject: Table) -> None:
    agreed = {word.rstrip("*") for word in AGREED[subject.name].split()}
    assert agreed <= set(subject.by_name)


@each_table
def test_exactly_the_starred_columns_are_private(subject: Table) -> None:
    starred = {word.rstrip("*") for word in AGREED[subject.name].split() if word.endswith("*")}
    assert {c.name for c in subject.private} == starred
    assert {c.name for c in subject.public} == {c.name for c in subject.columns} - starred


@each_table
def test_column_names_are_plain_and_used_once(subject: Table) -> None:
    assert len(names(subject)) == len(set(names(subject)))
    assert [n for n in names(subject) if not (n.isidentifier() and n == n.lower())] == []


@each_table
def test_the_instant_is_a_point_in_time(subject: Table) -> None:
    assert subject.instant == INSTANTS[subject.name]
    assert subject.instant is None or subject.by_name[subject.instant].type is Type.INSTANT


@each_table
def test_columns_named_at_are_instants(subject: Table) -> None:
    wrong = [c.name for c in subject.columns if c.name.endswith("_at") != (c.type is Type.INSTANT)]
    assert set(wrong) <= {"since", "as_of"}  # instants that read better without the ending


@each_table
def test_aliases_point_to_one_column(subject: Table) -> None:
    aliases = [alias for c in (*COMMON, *subject.columns) for alias in c.aliases]
    assert sorted(aliases) == sorted(set(aliases))
    assert set(aliases) & set(names(subject)) == set()
    assert [a for a in aliases if not a.replace("_", "").isalnum() or a != a.lower()] == []


@each_table
def test_pairs_in_order_are_of_one_kind(subject: Table) -> None:
    for earlier, later in subject.orders:
        kinds = {subject.by_name[earlier].type, subject.by_name[later].type}
        assert kinds in ({Type.INSTANT}, {Type.DATE})


@each_table
def test_money_has_its_currency(subject: Table) -> None:
    if any(c.type is Type.MONEY for c in subject.columns):
        assert subject.by_name["currency"].type is Type.TEXT


@each_table
def test_title_and_words_are_readable(subject: Table) -> None:
    assert subject.title[0].isupper()
    assert "_" not in subject.title
    assert is_sentence(subject.words)


@pytest.mark.parametrize(("subject", "column"), EVERY, ids=lambda x: x.name)
def test_words_are_sentences(subject: Table, column: Column) -> None:
    assert is_sentence(column.words), column.words


def test_no_two_columns_of_a_table_say_the_same() -> None:
    for subject in TABLES:
        said = [c.words for c in subject.columns]
        assert len(said) == len(set(said)), subject.name


def test_titles_are_used_once() -> None:
    assert len({t.title for t in TABLES}) == len(TABLES)


@pytest.mark.parametrize(("name", "target"), REFERENCES.items())
def test_foreign_ids_refer_to_their_table(name: str, target: str) -> None:
    assert places(name)
    assert {c.refers for _, c in EVERY if c.name == name} == {target}


def test_orders_are_referred_to_from_outside_only() -> None:
    assert {t.name: c.refers for t, c in EVERY if c.name == "order_id"} == {
        "carts": "orders",
        "orders": None,
        "survey_responses": "orders",
    }


def test_references_are_texts_that_point_to_existing_tables() -> None:
    pointing = [(t.name, c) for t, c in EVERY if c.refers]
    assert {c.refers for _, c in pointing} <= set(tables())
    assert {c.type for _, c in pointing} == {Type.TEXT}


@pytest.mark.parametrize(("where", "allowed"), CLOSED.items(), ids=lambda x: ".".join(x) if type(x) is tuple else "")
def test_closed_vocabularies(where: tuple[str, str], allowed: set[str]) -> None:
    column = table(where[0]).by_name[where[1]]
    assert set(column.one_of) == allowed
    assert len(column.one_of) == len(allowed)


def test_status_is_open_text() -> None:
    assert len(places("status")) >= 5
    assert {c.one_of for _, c in EVERY if c.name == "status"} == {()}


def test_the_clock_fills_columns_of_conversations_only() -> None:
    assert {c.name for c in table("conversations").made_by("clock")} >= CLOCK
    assert {t.name for t, c in EVERY if c.made_by} == {"conversations"}
    assert {c.made_by for _, c in EVERY if c.made_by} == {"clock"}


def test_durations_are_numbers_that_are_never_negative() -> None:
    durations = [c for _, c in EVERY if c.name.endswith("_seconds")]
    assert len(durations) >= 6
    assert {(c.type, c.least) for c in durations} == {(Type.NUMBER, 0)}


def test_no_alias_of_a_duration_hides_its_unit() -> None:
    """A file's `resolution_time` may be hours; only names that say seconds may be suggested."""
    aliases = [a for _, c in EVERY if c.name.endswith("_seconds") for a in c.aliases]
    assert aliases
    assert [a for a in aliases if "seconds" not in a] == []


def test_bounds_belong_to_numbers() -> None:
    bounded = [c for _, c in EVERY if c.least is not None or c.most is not None]
    assert {c.type for c in bounded} <= {Type.INTEGER, Type.NUMBER, Type.MONEY}
    assert [c.name for c in bounded if c.least is not None and c.most is not None and c.least >= c.most] == []


@pytest.mark.parametrize(
    ("where", "least", "most"),
    [
        ("subscriptions.mrr", 0, None),
        ("visits.pages", 0, None),
        ("usage.quantity", 0, None),
        ("schedules.weekday", 0, 6),
        ("text_scores.valence", -1, 1),
        ("survey_responses.score", None, None),
        ("orders.revenue", None, None),
    ],
)
def test_bounds(where: str, least: float | None, most: float | None) -> None:
    name, _, column = where.partition(".")
    assert (table(name).by_name[column].least, table(name).by_name[column].most) == (least, most)


def test_versions_are_kept_where_history_matters() -> None:
    assert {t.name for t in TABLES if t.versioned} == {"accounts", "customers", "subscriptions"}
    for subject in (t for t in TABLES if t.versioned):  # the warehouse adds these two itself
        assert {"valid_from", "valid_to"} & set(subject.by_name) == set()


def test_only_rows_without_meaning_are_refused() -> None:
    required = {t.name: {c.name for c in t.columns if c.required} for t in TABLES}
    assert {name: columns for name, columns in required.items() if columns} == {
        "survey_responses": {"kind"},
        "messages": {"conversation_id", "sent_at"},
        "status_events": {"conversation_id", "changed_at", "field"},
        "subscriptions": {"started_at"},
        "appointments": {"starts_at"},
        "costs": {"kind", "amount"},
        "referrals": {"referrer_id"},
        "schedules": {"schedule_id", "zone", "weekday", "opens", "closes"},
        "fx_rates": {"from_currency", "to_currency", "on_date", "rate"},
        "touchpoints": {"touchpoint"},
        "text_scores": {"text_id", "text_table"},
        "customer_scores": {"as_of", "kind"},
        "person_links": {"person_id", "customer_source", "customer_id", "reason"},
        "company_links": {"company_id", "account_source", "account_id", "reason"},
    }


@each_table
def test_a_table_is_one_value_in_a_file_without_code(subject: Table) -> None:
    tree = ast.parse((Path(wellheard.tables.__file__).parent / f"{subject.name}.py").read_text("utf-8"))
    assert ast.get_docstring(tree)
    assert [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)] == []
