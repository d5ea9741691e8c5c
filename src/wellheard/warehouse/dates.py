"""Reads instants out of text. The order of day and month is proven by the whole column or asked for, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from wellheard.base.errors import Ambiguous, BadCall, Place
from wellheard.base.periods import offsets, zone_of
from wellheard.warehouse import schema, values
from wellheard.warehouse.layers import Layers
from wellheard.warehouse.wall import from_zone

# The pieces of a written instant: three numbers, a time, the half of the day, and the zone's suffix.
TIME = r"(?:,?[ T]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?))?"
HALF = r"(?: *([AaPp])\.?[Mm]\.?)?"
SUFFIX = r"(?: *(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?|[A-Z]{3,5}))?$"
WHOLE = r"^([0-9]{1,4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,4})" + TIME + HALF + SUFFIX
COMPACT = r"^([0-9]{4})([0-9]{2})([0-9]{2})$"
EPOCH = r"^[0-9]{10}(?:[0-9]{3})?$"
OFFSET = r"^(?:Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)$"
# What the engine reads by itself, alike and much faster: with and without an offset.
ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?"
ISO_ZONED = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
)
NAMED = tuple(
    f"{day}{time}"
    for day in ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y", "%d-%b-%y")
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %I:%M %p")
)
PIECES = ("a", "b", "c", "time", "half", "suffix")
FAMILIES = ("iso", "iso_zoned", "pieces", "compact", "epoch", "named")
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
    families: tuple[str, ...] = FAMILIES
    span: tuple[date, date] = (date(1970, 1, 1), date(2100, 1, 1))


@ibis.udf.scalar.builtin(name="try_strptime", signature=(("string", "array<string>"), "timestamp(6)"))
def _strptime(text, formats):  # type: ignore[no-untyped-def]
    """The engine's parser, which answers null where no format fits."""


@ibis.udf.scalar.builtin(name="regexp_full_match", signature=(("string", "string"), "boolean"))
def _matches(text, pattern):  # type: ignore[no-untyped-def]
    """Whether the whole text fits the pattern."""


@ibis.udf.scalar.builtin(
    name="regexp_extract",
    signature=(
        ("string", "string", "array<string>"),
        "struct<a: string, b: string, c: string, time: string, half: string, suffix: string>",
    ),
)
def _extract(text, pattern, names):  # type: ignore[no-untyped-def]
    """All pieces at once; each is empty where the pattern does not fit."""


def readings_of(
    backend: Any,
    rows: ir.Table,
    formats: Mapping[str, str | None],
    *,
    zone: str | None,
    default_zone: str,
    fold: str | None,
    file: str,
) -> dict[str, Reading]:
    """Looks at whole columns and says how the instants of each are to be read; `formats` names the columns.

    Raises Ambiguous with both readings where day and month, or the zone, cannot be told apart.
    """
    zone_name = zone or default_zone
    zone_of(zone_name)
    texts = [c for c, form in formats.items() if form is None and rows[c].type().is_string()]
    found = _plainly_written(backend, rows, texts)
    result = {}
    for column, form in formats.items():
        if column not in found:
            result[column] = Reading(zone_name, format=form, fold=fold)
            continue
        seen = found[column]
        order, families = None, tuple(f for f in ("iso", "iso_zoned") if seen[f])
        if seen["given"] > seen["iso"] + seen["iso_zoned"]:
            other = _otherwise_written(backend, rows, column)
            place = Place(file=file, column=column)
            order = _order(other, place)
            if zone is None and other["abbreviation"]:
                _refuse_abbreviation(other["abbreviation"], other["abbreviated"], place)
            families += tuple(f for f in ("pieces", "compact", "epoch", "named") if other[f])
            seen = {side: _extreme(side, seen[side], other[side]) for side in ("low", "high")}
        span = _span(seen["low"], seen["high"])
        result[column] = Reading(zone_name, order, None, fold, families or ("iso",), span)
    return result


def _extreme(side: str, one: date | None, other: date | None) -> date | None:
    days = [d for d in (one, other) if d is not None]
    return (min(days) if side == "low" else max(days)) if days else None


def _span(low: date | None, high: date | None) -> tuple[date, date]:
    low, high = low or date(2000, 1, 1), high or date(2000, 1, 2)
    year = timedelta(days=370)
    return min(max(low, date(1900, 1, 1)), date(2200, 1, 1)) - year, max(
        min(high, date(2200, 1, 1)), date(1900, 1, 1)
    ) + year


def _plainly_written(backend: Any, rows: ir.Table, columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By column: how many values there are, how many the engine reads by itself, and the days that those cover."""
    if not columns:
        return {}
    named = {column: schema.quoted(column) for column in columns}
    trimmed = ", ".join(f"{values.TRIMMED.format(c)} as {c}" for c in named.values())
    flags = ", ".join(
        f"{c}, regexp_full_match({c}, '{ISO}') as {schema.quoted('iso ' + name)}, "
        f"regexp_full_match({c}, '{ISO_ZONED}') as {schema.quoted('zoned ' + name)}"
        for name, c in named.items()
    )
    counts = []
    for name, c in named.items():
        iso, zoned = schema.quoted("iso " + name), schema.quoted("zoned " + name)
        plain = f"filter ({iso} or {zoned})"  # years of four digits sort as text
        counts += [f"count(*) filter ({c} <> '')", f"count(*) filter ({iso})", f"count(*) filter ({zoned})"]
        counts += [f"left(min({c}) {plain}, 10)", f"left(max({c}) {plain}, 10)"]
    found = backend.con.execute(
        f"select {', '.join(counts)} from (select {flags} from (select {trimmed} from ({backend.compile(rows)})))"
    ).fetchone()
    result = {}
    for n, column in enumerate(columns):
        given, iso, zoned, low, high = found[5 * n : 5 * n + 5]
        result[column] = {"given": given, "iso": iso, "iso_zoned": zoned, "low": _day(low), "high": _day(high)}
    return result


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:  # such as 2026-02-31: the year is all that the span needs
        return date(min(max(int(text[:4]), 1900), 2200), 7, 1) if text else None


def _otherwise_written(backend: Any, rows: ir.Table, column: str) -> dict[str, Any]:
    """One row of counts over the other values: ways of writing, what either order could read, and the days covered."""
    layers = Layers(backend)
    texts = layers.settle(rows.select(text=values.trimmed(rows[column])))
    texts = texts.filter((texts.text != "") & ~_matches(texts.text, ISO) & ~_matches(texts.text, ISO_ZONED))
    pieces = layers.settle(texts.mutate(p=_extract(texts.text, WHOLE, ibis.array(list(PIECES)))))
    read = pieces.mutate(
        is_pair=_is_pair(pieces.p),
        day_first=_joined(pieces.p, "dmy"),
        month_first=_joined(pieces.p, "mdy"),
        is_compact=pieces.text.re_search(COMPACT),
        is_epoch=pieces.text.re_search(EPOCH),
        suffix=pieces.p["suffix"],
    )
    read = layers.settle(read)
    read = read.mutate(
        is_piece=read.p["a"] != "",
        strange=(read.suffix != "") & ~read.suffix.re_search(OFFSET),
        day_only=read.is_pair & read.day_first.notnull() & read.month_first.isnull(),
        month_only=read.is_pair & read.day_first.isnull() & read.month_first.notnull(),
        either=read.is_pair & (read.day_first != read.month_first).fill_null(False),
    )
    read = layers.settle(read)
    other = ~(read.is_piece | read.is_compact | read.is_epoch)
    rest = ibis.ifelse(other, _named(read.text), ibis.coalesce(_compact(read.text), _epoch(read.text)))
    days = ibis.coalesce(read.day_first, read.month_first, rest).date()
    counted = read.aggregate(
        pieces=read.is_piece.sum(),
        compact=read.is_compact.sum(),
        epoch=read.is_epoch.sum(),
        named=other.sum(),
        pair=read.is_pair.sum(),
        only_day_first=read.day_only.sum(),
        only_month_first=read.month_only.sum(),
        either=read.either.sum(),
        example=ibis.ifelse(read.either, read.text, None).min(),
        day_example=ibis.ifelse(read.day_only, read.text, None).min(),
        month_example=ibis.ifelse(read.month_only, read.text, None).min(),
        abbreviation=ibis.ifelse(read.strange, read.suffix, None).min(),
        abbreviated=ibis.ifelse(read.strange, read.text, None).min(),
        low=days.min(),
        high=days.max(),
    )
    return layers.rows(counted)[0]


def _order(found: dict[str, Any], place: Place) -> str | None:
    day, month, either = found["only_day_first"], found["only_month_first"], found["either"]
    column = place.column
    if day and month:
        raise Ambiguous(
            f"some dates can only be day first ({found['day_example']}), "
            f"others only month first ({found['month_example']})",
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
    pieces = "".join(c if c.isdigit() else " " for c in example).split()[:3]
    a, b, year = (int(p) for p in pieces)
    year += 0 if year > 99 else (2000 if year < 70 else 1900)
    return date(year, b, a).isoformat(), date(year, a, b).isoformat()


def _refuse_abbreviation(name: str, example: str, place: Place) -> None:
    known = ZONES.get(name)
    if known:
        message = f"the zone of {example!r} can be {known[0]} or {known[1]}"
        hint = f"say --tz {known[0]} or --tz {known[1]}"
    else:
        message = f"the zone {name!r} in {example!r} can be read in two ways: as wall-clock time or as a fixed offset"
        hint = "say --tz with an IANA name such as Europe/Berlin"
    raise Ambiguous(message, hint=hint, field="tz", place=place)


def read_instants(layers: Layers, rows: ir.Table, wanted: Mapping[str, Reading]) -> ir.Table:
    """Adds, for each key of `wanted`, what `g:key` holds as the UTC instant `v:key`, with the reason `y:key` if none.

    An empty value is null without a reason. Every step is a relation of its own, so that nothing is computed twice.
    """
    if not wanted:
        return rows
    texts = {key: reading for key, reading in wanted.items() if _as_text(rows[f"g:{key}"])}
    sure = {key for key, reading in texts.items() if reading.format is None and reading.families == ("iso_zoned",)}
    if sure:
        rows = layers.settle(rows.mutate(**{f"v:{key}": rows[f"g:{key}"].try_cast(UTC) for key in sure}))
        rows = layers.settle(rows.mutate(**{f"y:{key}": _strange(rows[f"g:{key}"], rows[f"v:{key}"]) for key in sure}))
        wanted = {key: reading for key, reading in wanted.items() if key not in sure}
        return read_instants(layers, rows, wanted)
    zoned = {key for key in wanted if _has_zone(rows[f"g:{key}"])}
    rows = layers.settle(rows.mutate(**{f"t:{key}": rows[f"g:{key}"].cast("string") for key in wanted}))
    rows = layers.settle(rows.mutate(**_mix(rows, texts)))
    pieces = {f"p:{key}": _pieces(rows, key) for key, r in texts.items() if "pieces" in r.families}
    rows = layers.settle(rows.mutate(**pieces))
    walls = {f"w:{key}": _wall(rows, key, reading) for key, reading in texts.items()}
    walls |= {f"w:{key}": rows[f"g:{key}"].cast(NAIVE) for key in wanted if key not in texts and key not in zoned}
    rows = layers.settle(rows.mutate(**walls))
    placed: dict[str, ir.Value] = {}
    for key, reading in wanted.items():
        if key in zoned:
            placed |= {f"v:{key}": rows[f"g:{key}"].cast(UTC), f"y:{key}": ibis.null("string")}
        else:
            placed |= _placed(rows, key, reading)
    return rows.mutate(**placed)


def _strange(text: ir.StringValue, instant: ir.TimestampValue) -> ir.StringValue:
    """Why a text is no instant, where it should say one by itself."""
    words = ibis.literal("'") + text.left(60) + "' is not a date or time"
    return ibis.ifelse(instant.isnull() & (text != ""), words, None)


def _as_text(value: ir.Value) -> bool:
    return not (value.type().is_timestamp() or value.type().is_date())


def _has_zone(value: ir.Value) -> bool:
    return bool(value.type().is_timestamp() and value.type().timezone is not None)


def _mix(rows: ir.Table, texts: Mapping[str, Reading]) -> dict[str, ir.Value]:
    """Which rows the engine reads by itself, in columns where that differs from row to row."""
    flags: dict[str, ir.Value] = {}
    for key, reading in texts.items():
        if reading.format is None and len(reading.families) > 1:
            text = rows[f"t:{key}"]
            flags |= {f"i:{key}": _matches(text, ISO), f"z:{key}": _matches(text, ISO_ZONED)}
    return flags


def _pieces(rows: ir.Table, key: str) -> ir.Value:
    text = rows[f"t:{key}"]
    if f"i:{key}" in rows.columns:
        text = ibis.ifelse(rows[f"i:{key}"] | rows[f"z:{key}"], None, text)
    return _extract(text, WHOLE, ibis.array(list(PIECES)))


def _wall(rows: ir.Table, key: str, reading: Reading) -> ir.TimestampValue:
    """Wall-clock time as written, whatever the zone."""
    text = rows[f"t:{key}"]
    if reading.format is not None:
        return _strptime(text, ibis.array([reading.format]))
    readers: dict[str, Callable[[], ir.Value]] = {
        "compact": lambda: _compact(text),
        "epoch": lambda: _epoch(text),
        "named": lambda: _named(text),
        "pieces": lambda: _joined(rows[f"p:{key}"], reading.order or "dmy"),
    }
    others = [read() for family, read in readers.items() if family in reading.families]
    if not others:
        return text.try_cast(NAIVE)
    rest = ibis.coalesce(*others)
    if f"i:{key}" not in rows.columns:
        return rest
    return ibis.ifelse(rows[f"i:{key}"] | rows[f"z:{key}"], text.try_cast(NAIVE), rest)


def _joined(pieces: ir.StructValue, order: str) -> ir.TimestampValue:
    """The wall-clock time of the pieces; null where they are none, or no such day exists."""
    a, b, c = pieces["a"], pieces["b"], pieces["c"]
    first_day = order == "dmy"
    full = ibis.ifelse(c.length() == 4, c, ibis.ifelse(c < "70", "20" + c, "19" + c))
    pair = full + "-" + (b if first_day else a) + "-" + (a if first_day else b)
    date_text = ibis.cases(
        ((a.length() == 4) & (c.length() <= 2), a + "-" + b + "-" + c), (_is_pair(pieces), pair), else_=None
    )
    time, half = pieces["time"].replace(",", "."), pieces["half"]
    written = date_text + " " + ibis.ifelse(time == "", "00:00", time)
    with_half = _strptime(written + " " + half.upper() + "M", ibis.array(list(HALVES)))
    return ibis.ifelse(half == "", written.try_cast(NAIVE), with_half)


def _is_pair(pieces: ir.StructValue) -> ir.BooleanValue:
    first, last = pieces["a"].length(), pieces["c"].length()
    return ((first == 1) | (first == 2)) & ((last == 2) | (last == 4))


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


def _placed(rows: ir.Table, key: str, reading: Reading) -> dict[str, ir.Value]:
    """The instant at which the zone's wall showed the time, unless the text itself says its offset; and why not."""
    text, wall = rows[f"t:{key}"], rows[f"w:{key}"]
    utc, doubt = from_zone(wall, shifts_of(reading), reading.zone, reading.fold)
    utc = utc.cast(UTC)
    for said, instant in _own_offset(rows, key, reading):
        utc = ibis.ifelse(said, instant, utc)
        doubt = ibis.ifelse(said, None, doubt)
    strange = ibis.literal("'") + text.left(60) + "' is not a date or time"
    reason = ibis.cases((text.isnull() | (text == ""), None), (wall.isnull(), strange), else_=doubt)
    return {f"v:{key}": ibis.ifelse(doubt.isnull(), utc, None), f"y:{key}": reason}


def _own_offset(rows: ir.Table, key: str, reading: Reading) -> list[tuple[ir.BooleanValue, ir.TimestampValue]]:
    """Where a text places itself in time, with that instant."""
    text, wall, families = rows[f"t:{key}"], rows[f"w:{key}"], reading.families
    if reading.format is not None or f"w:{key}" not in rows.columns or not _as_text(rows[f"g:{key}"]):
        return []
    found = []
    if "iso_zoned" in families:
        zoned = rows[f"z:{key}"] if f"z:{key}" in rows.columns else ibis.literal(True)
        found.append((zoned, text.try_cast(UTC)))
    if "pieces" in families:
        shift = _shift(rows[f"p:{key}"]["suffix"])
        found.append((shift.notnull(), (wall - shift.as_interval("s")).cast(UTC)))
    if "epoch" in families:
        found.append((text.re_search(EPOCH), wall.cast(UTC)))
    return found


def shifts_of(reading: Reading) -> Any:
    """The zone's offsets over the days that the column covers."""
    return offsets(reading.zone, *reading.span)


def check_format(text: str) -> tuple[str, str]:
    """`column=FORMAT` as its two halves; raises BadCall with an example."""
    column, equals, form = text.partition("=")
    if not equals or "%" not in form:
        raise BadCall(
            f"{text!r} is not column=FORMAT", hint="for example --date-format sent=%d/%m/%Y", field="date_format"
        )
    return column, form
