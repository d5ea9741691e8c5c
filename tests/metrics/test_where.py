"""The language of filters: what is read is what was meant, and nothing of it ever becomes SQL."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellheard.base.errors import BadCall, Refused, Unknown, WellheardError
from wellheard.metrics.where import All, Any_, Not, Where, names_in, parse, predicate
from wellheard.metrics.where import Test as Said

NAMES = st.sampled_from(["region", "score", "customer.segment", "attributes.seat", "a1", "_x"])
ODD_NAMES = st.text(st.characters(exclude_characters="`\x00", exclude_categories=("Cs",)), min_size=1, max_size=12)
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=20)
NUMBERS = st.integers(-(10**12), 10**12) | st.decimals(-1000, 1000, places=3).map(float)
VALUES = TEXTS | NUMBERS | st.booleans()
TESTS = st.one_of(
    st.builds(Said, NAMES, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), VALUES.map(lambda v: (v,))),
    st.builds(Said, NAMES, st.just("in"), st.lists(VALUES, min_size=1, max_size=4).map(tuple)),
    st.builds(Said, NAMES, st.just("between"), st.tuples(VALUES, VALUES)),
    st.builds(Said, ODD_NAMES, st.just("null")),
    st.builds(Said, NAMES, st.just("contains"), TEXTS.map(lambda v: (v,))),
)
WHERES = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Any_, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def written(where: Where, quote: str = "'") -> str:
    """A filter as somebody would write it."""
    match where:
        case Said(name, "null"):
            return f"`{name}` is null"
        case Said(name, "contains", (text,)):
            return f"{name} contains {_value(text, quote)}"
        case Said(name, "in", values):
            return f"{name} IN ({', '.join(_value(v, quote) for v in values)})"
        case Said(name, "between", (low, high)):
            return f"{name} between {_value(low, quote)} and {_value(high, quote)}"
        case Said(name, operator, (value,)):
            return f"{name} {operator} {_value(value, quote)}"
        case Not(of):
            return f"not ({written(of, quote)})"
        case All(of):
            return " and ".join(f"({written(part, quote)})" for part in of)
        case Any_(of):
            return " or ".join(f"({written(part, quote)})" for part in of)
    raise AssertionError(where)


def _value(value: Any, quote: str) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "false"
    if isinstance(value, str):
        return quote + value.replace(quote, quote * 2) + quote
    return str(value)


@settings(max_examples=150, deadline=None)
@given(WHERES, st.sampled_from(["'", '"']))
def test_what_is_written_is_read_back(where: Where, quote: str) -> None:
    assert parse(written(where, quote)) == where


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.text(st.sampled_from("()'\"`=<> andornotinisnull5.-;\x00"), max_size=60))
def test_any_text_is_read_or_refused_with_words(text: str) -> None:
    try:
        where = parse(text)
    except BadCall as error:
        refused = error
    else:
        assert names_in(where)
        return
    assert refused.field == "where"
    assert refused.hint


def test_and_binds_tighter_than_or_and_not_tightest() -> None:
    a, b, c = (Said(name, "=", (1,)) for name in "abc")
    assert parse("a = 1 or b = 1 and c = 1") == Any_((a, All((b, c))))
    assert parse("not a = 1 and b = 1") == All((Not(a), b))
    assert parse("a <> 1") == Said("a", "!=", (1,))
    assert parse("a not in (1, 2)") == Not(Said("a", "in", (1, 2)))
    assert parse("a is not null") == Not(Said("a", "null"))
    assert parse("a not contains 'x'") == Not(Said("a", "contains", ("x",)))


@pytest.mark.parametrize(
    "text",
    [
        "not " * 2000 + "a = 1",
        "(" * 4000 + "a = 1" + ")" * 4000,
        "not (" * 60 + "a = 1" + ")" * 60,
        "a = " + "9" * 400,
        "x" * 10_001,
    ],
)
def test_what_is_too_deep_or_too_large_is_refused(text: str) -> None:
    try:
        parse(text)
    except BadCall:
        return
    assert text.startswith("(")  # parentheses alone nest nothing


# --- asked of data ----------------------------------------------------------------------------------------------------

WORDS = [
    "EU",
    "it's",
    'say "hi"',
    "a; drop table facts.main.survey_responses; --",
    "/* x */",
    "100%",
    "a_b",
    "\\",
    "ÄÖ",
    "",
]


@pytest.fixture(scope="module")
def answered(new_desk: Any) -> Any:
    """One answer a channel, and beside it attributes: `seat` holds numbers as text."""
    desk = new_desk()
    rows = [
        {
            "source_id": str(i), "kind": "nps", "score": 9, "answered_at": f"2026-03-{i + 1:02d}T00:30:00Z",
            "channel": word, "customer_id": f"c{i}", "attributes.seat": str(i), 'attributes.x"; drop table t; --': word,
        }
        for i, word in enumerate(WORDS)
    ]  # fmt: skip
    desk.deliver({"survey_responses": rows})
    return desk


@pytest.mark.slow
@pytest.mark.parametrize("word", [w for w in WORDS if w])
def test_a_value_with_quotes_is_only_a_value(answered: Any, word: str) -> None:
    quoted = "'" + word.replace("'", "''") + "'"
    assert answered.one("nps", where=f"channel = {quoted}")["n"] == 1
    assert answered.one("nps", where=f"channel in ({quoted}, 'nowhere', 5)")["n"] == 1
    assert answered.one("nps", where=f"not channel != {quoted}")["n"] == 1
    assert answered.one("nps", where=f"channel contains {quoted}")["n"] == 1


ATTACKS = (
    "' or 1=1 --",
    "x'; delete from facts.main.survey_responses; --",
    "') union select 1 --",
    "\\' or ''='",
    "%",
    "_",
)


@pytest.mark.parametrize("word", ATTACKS)
def test_an_attack_as_a_value_misses(answered: Any, word: str) -> None:
    quoted = "'" + word.replace("'", "''") + "'"
    assert answered.one("nps", where=f"channel = {quoted}")["n"] == 0
    assert answered.one("nps")["n"] == len(WORDS)


@pytest.mark.parametrize(
    "text", ["channel = 'x' or 1 = 1", "1 = 1", "channel = 'x'; drop table t", "channel = x", "channel like '%'"]
)
def test_what_is_no_filter_is_refused(answered: Any, text: str) -> None:
    with pytest.raises(BadCall):
        answered.kpi("nps", where=text)


@pytest.mark.parametrize(
    "name", ["`x; drop table t`", "facts.customers", '`"`', "row_hash", "id", "deleted", "import_id"]
)
def test_a_name_that_is_no_column_is_unknown(answered: Any, name: str) -> None:
    with pytest.raises(Unknown) as caught:
        answered.kpi("nps", where=f"{name} = 'x'")
    assert "channel" in caught.value.hint


def test_a_name_with_odd_letters_that_is_there_works(answered: Any) -> None:
    odd = '`attributes.x"; drop table t; --`'
    assert answered.one("nps", where=f"{odd} = 'EU'")["n"] == 1
    groups = answered.kpi("nps", by=[odd.strip("`")])
    assert {row[odd.strip("`")] for row in groups} == {w or None for w in WORDS}


def test_personal_columns_are_no_filter(answered: Any) -> None:
    for name in ("comment", "customer.email", "customer.name", "email"):
        with pytest.raises(Refused):
            answered.kpi("nps", where=f"{name} contains 'a'")


def test_numbers_compare_with_text_that_holds_numbers(answered: Any) -> None:
    assert answered.one("nps", where="seat >= 7")["n"] == 3
    assert answered.one("nps", where="seat between 2 and 4")["n"] == 3
    assert answered.one("nps", where="seat in (1, 2, 77)")["n"] == 2
    assert answered.one("nps", where="channel > 5")["n"] == 0  # no number, no match
    assert answered.one("nps", where="score < 99999999999999999999999")["n"] == len(WORDS)


@pytest.mark.parametrize(
    "text", ["score = '9'", "score = true", "main = 'yes'", "answered_at > 5", "answered_at > 'soon'"]
)
def test_a_value_of_the_wrong_kind_is_refused_with_words(answered: Any, text: str) -> None:
    with pytest.raises(BadCall) as caught:
        answered.kpi("nps", where=text)
    assert caught.value.hint


def test_an_instant_with_an_offset_is_that_instant(answered: Any) -> None:
    assert answered.one("nps", where="answered_at >= '2026-03-02'")["n"] == len(WORDS) - 1
    assert answered.one("nps", where="answered_at >= '2026-03-02T01:30:00+01:00'")["n"] == len(WORDS) - 1
    assert answered.one("nps", where="answered_at > '2026-03-02T01:30:00+01:00'")["n"] == len(WORDS) - 2


def test_hundreds_of_tests_are_no_trouble(answered: Any) -> None:
    many = " or ".join(f"seat = {i}" for i in range(600))
    assert answered.one("nps", where=many)["n"] == len(WORDS)
    deep = "not (" * 40 + "seat = 1" + ")" * 40
    assert answered.one("nps", where=deep)["n"] == 1


def test_predicate_of_nothing_known_raises_no_stranger() -> None:
    with pytest.raises(WellheardError):
        predicate(parse("score = 1 and nobody = 2"), lambda name: (_ for _ in ()).throw(BadCall(name)))
