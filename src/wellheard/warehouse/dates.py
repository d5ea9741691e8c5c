"""Reads instants out of text. The order of day and month is proven from the whole column or asked for, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from wellheard.base.errors import Ambiguous, BadCall, Place
from wellheard.base.periods import offsets, zone_of

# The pieces of a written instant. What fits none of them is tried as a date with a month's name.
YEAR_FIRST = r"^([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})"
PAIR_FIRST = r"^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4}|[0-9]{2})"
TIME = r"(?:,?[ T]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?))?"
HALF = r"(?: *([AaPp])\.?[Mm]\.?)?"
SUFFIX = r"(?: *(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?|[A-Z]{3,5}))?$"
COMPACT = r"^([0-9]{4})([0-9]{2})([0-9]{2})$"
EPOCH = r"^[0-9]{10}(?:[0-9]{3})?$"
OFFSET = r"^(?:Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)$"
NAMED = tuple(
    f"{day}{time}"
    for day in ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y", "%d-%b-%y")
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %I:%M %p")
)
HALVES = ("%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p")
# Abbreviations that name more than one zone, with the two commonest readings.
ZONES = {
    "CST": ("America/Chicago", "Asia/Shanghai"),
    "IST": ("Asia/Kolkata", "Asia/Jerusalem"),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "EST": ("America/New_York", "Australia/Sydney"),
    "AST": ("America/Halifax", "Asia/Riyadh"),
    "PST": ("America/Los_Angeles", "Asia/Manila"),
    "MST": ("America/Denver", "Asia/Kuala_Lumpur"),
}
NAIVE = dt.Timestamp(scale=6)
UTC = dt.Timestamp(timezone="UTC", scale=6)


@dataclass(frozen=True)
class Reading:
    """How a column's instants are read.

    `zone` places wall-clock times; `order` ("dmy" or "mdy") is set where it was proven; `format` overrides all
    recognition; `fold` says which of two equal wall-clock times is meant when clocks go back; `families` are the ways
    of writing that the column holds; `span` covers its days.
    """

    zone: str
    order: str | None = None
    format: str | None = None
    fold: str | None = None
    ignore_abbreviation: bool = False
    families: tuple[str, ...] = ("year_first",)
    span: tuple[date, date] = (date(1970, 1, 1), date(2100, 1, 1))


@ibis.udf.scalar.builtin(name="try_strptime", signature=(("string", "array<string>"), "timestamp(6)"))
def _strptime(text, formats):  # type: ignore[no-untyped-def]
    """The engine's parser, which answers null where no format fits."""


def reading_of(
    backend: Any,
    rows: ir.Table,
    column: str,
    *,
    zone: str | None,
    default_zone: str,
    format: str | None,
    fold: str | None,
    file: str,
) -> Reading:
    """Looks at the whole column and says how its instants are to be read.

    Raises Ambiguous with both readings where day and month, or the zone, cannot be told apart.
    """
    zone_name = zone or default_zone
    zone_of(zone_name)
    if format is not None:
        return Reading(zone_name, format=format, fold=fold)
    if not rows[column].type().is_string():
        return Reading(zone_name, fold=fold)
    text = rows[column].strip()
    found = backend.to_pyarrow(_profile(rows, text)).to_pylist()[0]
    place = Place(file=file, column=column)
    order = _order(found, place)
    if zone is None and found["abbreviation"]:
        _refuse_abbreviation(found["abbreviation"], found["abbreviated"], place)
    families = tuple(f for f in ("year_first", "pair", "compact", "epoch", "other") if found[f])
    low, high = found["low"] or date(2000, 1, 1), found["high"] or date(2000, 1, 2)
    widened = (max(low, date(1900, 1, 1)) - timedelta(days=370), min(high, date(2200, 1, 1)) + timedelta(days=370))
    return Reading(zone_name, order, None, fold, zone is not None, families or ("year_first",), widened)


def _profile(rows: ir.Table, text: ir.StringValue) -> ir.Table:
    """One row of counts: the ways of writing, what day-first and month-first could read, and the days covered."""
    day_first, month_first = _pair(text, "dmy"), _pair(text, "mdy")
    is_pair, is_year = text.re_search(PAIR_FIRST), text.re_search(YEAR_FIRST)
    is_compact, is_epoch = text.re_search(COMPACT), text.re_search(EPOCH)
    suffix = _piece(text, 6)
    strange = (suffix != "") & ~suffix.re_search(OFFSET)
    differs = day_first.notnull() & month_first.notnull() & (day_first != month_first)
    some = rows.mutate(__text=text)
    days = ibis.coalesce(day_first, month_first, _year_first(text), _compact(text), _epoch(text), _named(text)).date()
    return some.aggregate(
        year_first=is_year.sum(),
        pair=is_pair.sum(),
        compact=is_compact.sum(),
        epoch=is_epoch.sum(),
        other=(text.notnull() & ~(is_pair | is_year | is_compact | is_epoch)).sum(),
        only_day_first=(is_pair & day_first.notnull() & month_first.isnull()).sum(),
        only_month_first=(is_pair & day_first.isnull() & month_first.notnull()).sum(),
        either=(is_pair & differs).sum(),
        example=ibis.ifelse(is_pair & differs, text, None).min(),
        day_example=ibis.ifelse(is_pair & day_first.notnull() & month_first.isnull(), text, None).min(),
        month_example=ibis.ifelse(is_pair & day_first.isnull() & month_first.notnull(), text, None).min(),
        abbreviation=ibis.ifelse(strange, suffix, None).min(),
        abbreviated=ibis.ifelse(strange, text, None).min(),
        low=days.min(),
        high=days.max(),
    )


def _order(found: dict[str, Any], place: Place) -> str | None:
    day, month, either = found["only_day_first"], found["only_month_first"], found["either"]
    column = place.column
    if day and month:
        raise Ambiguous(
            f"some dates can only be day first ({found['day_example']}), others only month first ({found['month_example']})",
            hint=f"mend the file, or say --date-format {column}=%d/%m/%Y and the others are set aside",
            field="date_format",
            place=place,
        )
    if either and not day and not month:
        example = found["example"]
        first, second = _read_both(example)
        raise Ambiguous(
            f"{example!r} can be {first} (day first) or {second} (month first), and no other row settles it",
            hint=f"say --date-format {column}=%d/%m/%Y or --date-format {column}=%m/%d/%Y",
            field="date_format",
            place=place,
        )
    return "dmy" if day else "mdy" if month else "dmy" if found["pair"] else None


def _read_both(example: str) -> tuple[str, str]:
    pieces = [p for p in "".join(c if c.isdigit() else " " for c in example).split()][:3]
    a, b, year = (int(p) for p in pieces)
    year += 0 if year > 99 else (2000 if year < 70 else 1900)
    return date(year, b, a).isoformat(), date(year, a, b).isoformat()


def _refuse_abbreviation(name: str, example: str, place: Place) -> None:
    known = ZONES.get(name)
    if known:
        message = f"the zone of {example!r} can be {known[0]} or {known[1]}"
        hint = f"say --tz {known[0]} or --tz {known[1]}"
    else:
        message = f"the zone {name!r} in {example!r} can be read in more than one way: as wall-clock time or as a fixed offset"
        hint = "say --tz with an IANA name such as Europe/Berlin"
    raise Ambiguous(message, hint=hint, field="tz", place=place)


def instant(value: ir.Value, reading: Reading) -> tuple[ir.TimestampValue, ir.StringValue]:
    """The UTC instant in `value`, and the reason where there is none: two columns of equal length.

    An empty value is null without a reason.
    """
    kind = value.type()
    if kind.is_timestamp() and kind.timezone is not None:
        return value.cast(UTC), ibis.null("string")
    if kind.is_timestamp() or kind.is_date():
        return _placed(value.cast(NAIVE), None, reading, value.notnull(), value.cast("string"))
    text = (value if kind.is_string() else value.cast("string")).strip()
    wall, shift = _wall(text, reading)
    return _placed(wall, shift, reading, text.notnull() & (text != ""), text)


def _wall(text: ir.StringValue, reading: Reading) -> tuple[ir.TimestampValue, ir.Value | None]:
    """Wall-clock time, and seconds east of UTC where the text itself says so."""
    if reading.format is not None:
        return _strptime(text, ibis.array([reading.format])), None
    readers = {
        "year_first": _year_first,
        "pair": lambda t: _pair(t, reading.order or "dmy"),
        "compact": _compact,
        "epoch": _epoch,
        "other": _named,
    }
    wall = ibis.coalesce(*[readers[f](text) for f in reading.families])
    shift = _shift(_piece(text, 6))
    if "epoch" in reading.families:
        shift = ibis.ifelse(text.re_search(EPOCH), 0, shift)
    return wall, shift


def _piece(text: ir.StringValue, index: int) -> ir.StringValue:
    """Piece 4 is the time, 5 the half of the day, 6 the zone's suffix; empty where absent."""
    whole = r"^([0-9]{1,4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,4})" + TIME + HALF + SUFFIX
    return text.re_extract(whole, index)


def _joined(year: ir.Value, month: ir.Value, day: ir.Value, text: ir.StringValue) -> ir.TimestampValue:
    time, half = _piece(text, 4).replace(",", "."), _piece(text, 5)
    written = year + "-" + month + "-" + day + " " + ibis.ifelse(time == "", "00:00", time)
    with_half = _strptime(written + " " + half.upper() + "M", ibis.array(list(HALVES)))
    return ibis.ifelse(half == "", written.try_cast(NAIVE), with_half)


def _fits(text: ir.StringValue, head: str) -> ir.BooleanValue:
    return text.re_search(head + TIME + HALF + SUFFIX)


def _year_first(text: ir.StringValue) -> ir.TimestampValue:
    year, month, day = (text.re_extract(YEAR_FIRST, i) for i in (1, 2, 3))
    return ibis.ifelse(_fits(text, YEAR_FIRST), _joined(year, month, day, text), None)


def _pair(text: ir.StringValue, order: str) -> ir.TimestampValue:
    first, second, year = (text.re_extract(PAIR_FIRST, i) for i in (1, 2, 3))
    day, month = (first, second) if order == "dmy" else (second, first)
    full = ibis.ifelse(year.length() == 4, year, ibis.ifelse(year < "70", "20" + year, "19" + year))
    return ibis.ifelse(_fits(text, PAIR_FIRST), _joined(full, month, day, text), None)


def _compact(text: ir.StringValue) -> ir.TimestampValue:
    year, month, day = (text.re_extract(COMPACT, i) for i in (1, 2, 3))
    return ibis.ifelse(text.re_search(COMPACT), (year + "-" + month + "-" + day).try_cast(NAIVE), None)


def _epoch(text: ir.StringValue) -> ir.TimestampValue:
    """Ten digits are seconds since 1970, thirteen milliseconds."""
    number = text.try_cast("int64")
    seconds = ibis.ifelse(text.length() == 13, number // 1000, number)
    stamp = ibis.timestamp("1970-01-01 00:00:00").cast(NAIVE) + seconds.as_interval("s")
    return ibis.ifelse(text.re_search(EPOCH), stamp, None)


def _named(text: ir.StringValue) -> ir.TimestampValue:
    return _strptime(text, ibis.array(list(NAMED)))


def _shift(suffix: ir.StringValue) -> ir.Value:
    """Seconds east of UTC that a suffix such as +02:00 says; null without one."""
    hours = suffix.re_extract(r"^[+-]([0-9]{2})", 1).try_cast("int64")
    minutes = suffix.re_extract(r"^[+-][0-9]{2}:?([0-9]{2})$", 1).try_cast("int64").fill_null(0)
    signed = ibis.ifelse(suffix.startswith("-"), -1, 1) * (hours * 3600 + minutes * 60)
    return ibis.cases((suffix.isin(["Z", "UTC", "GMT"]), 0), (suffix.re_search(r"^[+-]"), signed), else_=None)


def _placed(
    wall: ir.TimestampValue, shift: ir.Value | None, reading: Reading, given: ir.BooleanValue, text: ir.StringValue
) -> tuple[ir.TimestampValue, ir.StringValue]:
    local, doubt = _from_zone(wall, reading)
    if shift is None:
        utc, unplaced = local, doubt
    else:
        utc = ibis.ifelse(shift.notnull(), wall - shift.as_interval("s"), local)
        unplaced = ibis.ifelse(shift.notnull(), ibis.null("string"), doubt)
    reason = ibis.cases(
        (~given, ibis.null("string")),
        (wall.isnull(), ibis.literal("'") + text.substr(0, 60) + "' is not a date or time"),
        else_=unplaced,
    )
    return ibis.ifelse(given & unplaced.isnull(), utc, None).cast(UTC), reason


def _from_zone(wall: ir.TimestampValue, reading: Reading) -> tuple[ir.TimestampValue, ir.StringValue]:
    """The instant at which the zone's wall showed `wall`, and a reason where it never did, or did twice."""
    shifts = offsets(reading.zone, *reading.span)
    if not shifts.moves:
        return wall - ibis.interval(seconds=shifts.first), ibis.null("string")
    before = shifts.first
    until, doubts = [], []
    for at, after in shifts.moves:
        naive = at.replace(tzinfo=None)
        gap = after > before
        edge = naive + timedelta(seconds=after if not gap and reading.fold == "later" else before)
        begin, end = naive + timedelta(seconds=min(before, after)), naive + timedelta(seconds=max(before, after))
        inside = (wall >= ibis.literal(begin, type=NAIVE)) & (wall < ibis.literal(end, type=NAIVE))
        until.append((wall < ibis.literal(edge, type=NAIVE), before))
        if gap:
            doubts.append((inside, f"this time does not exist in {reading.zone}: clocks went forward"))
        elif reading.fold is None:
            doubts.append((inside, f"this time happened twice in {reading.zone}: say --fold earlier or --fold later"))
        before = after
    shift = ibis.cases(*until, else_=before)
    doubt = ibis.cases(*doubts, else_=None) if doubts else ibis.null("string")
    return wall - shift.as_interval("s"), doubt


def check_format(text: str) -> tuple[str, str]:
    """`column=FORMAT` as its two halves; raises BadCall with an example."""
    column, equals, form = text.partition("=")
    if not equals or "%" not in form:
        raise BadCall(
            f"{text!r} is not column=FORMAT", hint="for example --date-format sent=%d/%m/%Y", field="date_format"
        )
    return column, form
