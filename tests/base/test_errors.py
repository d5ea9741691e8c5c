"""Errors say what is wrong, where, and what to do next, to people and to programs."""

from __future__ import annotations

import pytest

from wellheard.base import errors
from wellheard.base.errors import BadCall, BadInput, Place, WellheardError
from wellheard.base.redaction import trace_of


def _kinds() -> list[type[WellheardError]]:
    """Every kind of error there is, those of other modules left out."""
    found, waiting = [], [WellheardError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__ == errors.__name__:
            found.append(kind)
    return found


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(), ""),
        (Place(file="a.csv"), "a.csv"),
        (Place(row=0), "row 0"),
        (Place(column="score"), "column score"),
        (Place("a.csv", 3), "a.csv, row 3"),
        (Place("a.csv", 3, "score"), "a.csv, row 3, column score"),
    ],
)
def test_a_place_names_what_is_known_of_it(place: Place, words: str) -> None:
    assert str(place) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (WellheardError("it broke"), "it broke"),
        (WellheardError("it broke", hint="mend it"), "it broke\nmend it"),
        (BadInput("77 is above 10", place=Place("a.csv", 3)), "a.csv, row 3: 77 is above 10"),
        (BadInput("77 is above 10", hint="mend it", place=Place("a.csv")), "a.csv: 77 is above 10\nmend it"),
    ],
)
def test_a_person_reads_the_place_the_matter_and_the_next_step(error: WellheardError, words: str) -> None:
    assert str(error) == words


def test_a_program_reads_one_shape_whatever_is_known() -> None:
    bare, full = WellheardError("it broke"), BadInput("bad", hint="mend", field="score", place=Place("a.csv", 3))
    assert bare.as_json() == {"error": {"code": "error", "message": "it broke", "hint": "", "field": None}}
    assert full.as_json() == {
        "error": {"code": "bad_input", "message": "a.csv, row 3: bad", "hint": "mend", "field": "score"}
    }


def test_codes_tell_the_kinds_apart() -> None:
    codes = [kind.code for kind in _kinds()]
    assert len(codes) >= 8
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", _kinds(), ids=lambda kind: kind.__name__)
def test_what_the_caller_can_mend_is_told_apart_from_what_is_broken_here(kind: type[WellheardError]) -> None:
    """The promise of the command line and the API: 2 and 4xx for a bad call, 1 and 5xx for trouble on our side."""
    mended_by_caller = issubclass(kind, BadCall) or kind.code == "refused"
    assert kind.exit_code == (2 if mended_by_caller else 1)
    assert kind.http_status // 100 == (4 if mended_by_caller else 5)


def test_the_statuses_that_programs_act_on() -> None:
    wanted = {"bad_call": 422, "unknown": 404, "ambiguous": 422, "bad_input": 422, "busy": 503, "refused": 403}
    assert {kind.code: kind.http_status for kind in _kinds() if kind.code in wanted} == wanted


def test_one_except_catches_all_and_the_narrow_ones_catch_theirs() -> None:
    with pytest.raises(WellheardError):
        raise errors.Busy("later")
    with pytest.raises(BadCall):
        raise errors.Ambiguous("which?")
    assert not issubclass(errors.Busy, BadCall)


def test_a_trace_says_where_and_what_and_repeats_no_value() -> None:
    def opens(password: str) -> None:
        try:
            raise ValueError(f"cannot connect with {password} for anna@example.com with a cold")
        except ValueError as error:
            raise BadCall("the store cannot be opened: token=" + password, hint="check it") from error

    secret_word = "hunter" + str(2)
    with pytest.raises(BadCall) as told:
        opens(secret_word)
    trace = trace_of(told.value)
    assert "in opens" in trace
    assert "ValueError\nwhich led to" in trace
    assert "BadCall: the store cannot be opened" in trace
    assert secret_word not in trace
