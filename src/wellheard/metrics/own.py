"""A workspace's own KPIs: a TOML file that puts a KPI together from the bricks, with its words and worked examples."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wellheard.base.errors import BadCall, BadInput, Place
from wellheard.metrics.ask import NAMED, Ask
from wellheard.metrics.bricks import Brick, Mean, Net, Quantile, Ratio, Share
from wellheard.metrics.counts import Count, Total
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.where import Where, names_in, parse, predicate
from wellheard.tables.catalogue import tables
from wellheard.tables.table import Type

Kind = Literal["count", "sum", "share", "net", "mean", "ratio", "quantile"]
UNITS = {"count": "count", "share": "percent", "net": "points"}
TRAPS = ("It is this workspace's own: other companies' figures of that name may mean another thing.",)
CONDITIONS = ("among", "counts", "pending", "good", "bad")
COLUMNS = ("value", "over")
# What each brick must be told, beside what it may be told.
TOLD: dict[str, tuple[str, ...]] = {
    "count": (),
    "sum": ("value",),
    "share": ("good",),
    "net": ("good", "bad"),
    "mean": ("value",),
    "ratio": ("value",),
    "quantile": ("value", "quantile"),
}


class Figure(BaseModel):
    """What is computed. Conditions are filters as `--where` takes them; `value` and `over` name columns or attributes.

    Rows outside `among` are not looked at; those that `counts` does not hold for are shown as left out; those that
    `pending` holds for wait. `value` may be told as the time between two instants, `[from, to]`, in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    brick: Kind
    among: str = ""
    counts: str = ""
    pending: str = ""
    good: str = ""
    bad: str = ""
    value: str | tuple[str, str] = ""
    over: str = ""
    quantile: float | None = Field(None, gt=0, lt=1)
    per: Literal["row", "customer"] = "row"

    @model_validator(mode="after")
    def _told(self) -> Figure:
        missing = [name for name in TOLD[self.brick] if not getattr(self, name)]
        if missing:
            raise ValueError(f"a {self.brick} needs {' and '.join(missing)}")
        for name in CONDITIONS:
            if text := getattr(self, name):
                _condition(name, text)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Every column or attribute that it names."""
        found = [n for name in CONDITIONS if getattr(self, name) for n in names_in(parse(getattr(self, name)))]
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return tuple(dict.fromkeys([*found, *(v for v in (*values, self.over) if v)]))

    def brick_of(self, unit: str) -> Brick:
        """The brick that it says."""
        once: Any = {"once": "any"} if self.per == "customer" else {}
        scale = 100.0 if unit == "percent" else 1.0
        match self.brick:
            case "count":
                return Count(**once)
            case "sum":
                return Total()
            case "share":
                return Share(**once)
            case "net":
                return Net()
            case "mean":
                return Mean(scale=scale)
            case "ratio":
                return Ratio(scale=scale, **once)
            case _:
                assert self.quantile is not None
                return Quantile(p=self.quantile)


class OwnVariant(BaseModel):
    """Another figure of the KPI: what it says takes the place of what the KPI says."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")
    words: str = Field(min_length=4)
    unit: str | None = None
    direction: Literal["up", "down"] | None = None


class OwnExample(BaseModel):
    """Rows of canonical tables and the answer that they must give."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: str
    value: float | None = None
    n: int
    pending: int = 0
    variant: str | None = None
    start: str | None = None
    end: str | None = None
    rows: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)


class OwnKpi(BaseModel):
    """The whole of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,60}$")
    title: str = Field(min_length=2)
    question: str = Field(min_length=4, pattern=r"\?$")
    formula: str = Field(min_length=4)
    table: str
    placed_by: str = ""
    unit: Literal["percent", "points", "seconds", "money", "number", "count"] | None = None
    direction: Literal["up", "down"]
    source: str = "defined by this workspace"
    traps: tuple[str, ...] = ()
    least_n: int = Field(30, ge=30)
    version: int = Field(1, ge=1)
    since: date
    figure: Figure
    variants: tuple[OwnVariant, ...] = ()
    examples: tuple[OwnExample, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> OwnKpi:
        if self.table not in tables():
            raise ValueError(f"there is no table {self.table!r}; there are {', '.join(tables())}")
        columns = tables()[self.table].by_name
        instant = self.instant
        if instant not in columns or columns[instant].type is not Type.INSTANT:
            there = [c.name for c in columns.values() if c.type is Type.INSTANT]
            raise ValueError(f"placed_by {instant!r} is no instant of {self.table}; there are {', '.join(there)}")
        return self

    @property
    def instant(self) -> str:
        """The column that places a row in a period."""
        return self.placed_by or tables()[self.table].instant or ""


def read_metric(path: Path) -> Metric:
    """The KPI that a TOML file defines. Raises BadInput naming the file and the entry at fault."""
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        own = OwnKpi.model_validate(told)
        figures = {v.name: _varied(own, v) for v in own.variants}
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", place=Place(str(path))) from None
    except tomllib.TOMLDecodeError as error:
        hint = "https://toml.io shows how the format is written"
        raise BadInput(f"is not TOML: {error}", hint=hint, place=Place(str(path))) from None
    except ValidationError as error:
        raise _wrong(path, error) from None
    return _metric(own, figures)


@dataclass(frozen=True)
class OwnKpis:
    """What a folder of TOML files defines: all versions by name, the newest first; and what is wrong with its files."""

    found: Mapping[str, tuple[Metric, ...]]
    faults: tuple[BadInput, ...] = ()


def own_metrics(folder: Path, taken: Container[str] = ()) -> OwnKpis:
    """The KPIs in a folder; a file that is wrong, or that takes a name of `taken`, is a fault and stops no other."""
    found: dict[tuple[str, int], Metric] = {}
    faults = []
    for path in sorted(folder.glob("*.toml")):
        try:
            metric = read_metric(path)
            _check_free(path, metric, found, taken)
        except BadInput as fault:
            faults.append(fault)
        else:
            found[metric.name, metric.version] = metric
    names = dict.fromkeys(sorted(name for name, _ in found))
    by_name = {n: tuple(found[key] for key in sorted(found, reverse=True) if key[0] == n) for n in names}
    return OwnKpis(by_name, tuple(faults))


def _check_free(path: Path, metric: Metric, found: Container[tuple[str, int]], taken: Container[str]) -> None:
    if metric.name in taken:
        hint = "choose another name; --preview-definition shows what another meaning would change"
        raise BadInput(f"{metric.name} is built in", hint=hint, place=Place(str(path)))
    if (metric.name, metric.version) in found:
        hint = "give the newer meaning a higher version"
        words = f"{metric.name} version {metric.version} is defined in another file too"
        raise BadInput(words, hint=hint, place=Place(str(path)))


def _wrong(path: Path, error: ValidationError) -> BadInput:
    lines = [f"{'.'.join(str(p) for p in e['loc']) or 'file'}: {e['msg']}" for e in error.errors(include_url=False)]
    return BadInput("; ".join(lines), hint="docs/own-kpis.md shows every entry", place=Place(str(path)))


def _condition(field: str, text: str) -> Where:
    try:
        return parse(text)
    except BadCall as error:
        raise ValueError(f"{field}: {error.message}") from None


def _varied(own: OwnKpi, variant: OwnVariant) -> Figure:
    changed = {**own.figure.model_dump(exclude_defaults=True), **(variant.model_extra or {})}
    return Figure.model_validate(changed)


def _unit(own: OwnKpi, figure: Figure, given: str | None = None) -> str:
    return given or own.unit or UNITS.get(figure.brick) or ("seconds" if isinstance(figure.value, tuple) else "number")


def _metric(own: OwnKpi, figures: Mapping[str, Figure]) -> Metric:
    unit = _unit(own, own.figure)
    variants = tuple(
        Variant(
            v.name,
            v.words if v.words.endswith(".") else v.words + ".",
            figures[v.name].brick_of(_unit(own, figures[v.name], v.unit)),
            unit=_unit(own, figures[v.name], v.unit),
            direction=v.direction,
        )
        for v in own.variants
    )
    columns = tables()[own.table].by_name
    needed = [own.instant, *(n for n in own.figure.names if n in columns and not columns[n].private)]
    once = own.figure.per == "customer"
    return Metric(
        name=own.name,
        title=own.title,
        question=own.question,
        formula=own.formula,
        unit=unit,
        direction=own.direction,
        rows=_rows(own, figures),
        brick=own.figure.brick_of(unit),
        needs=(Need(own.table, tuple(dict.fromkeys(needed))),),
        examples=tuple(Example(**dict(e)) for e in own.examples),
        source=own.source,
        traps=own.traps or TRAPS,
        variants=variants,
        least_n=own.least_n,
        version=own.version,
        since=own.since,
        placed_by=own.instant,
        spans=((own.table, (own.instant,)),),
        not_additive=_not_additive(own.figure, once),
    )


def _not_additive(figure: Figure, once: bool) -> str:
    if figure.brick == "quantile":
        return "a quantile of all rows is no function of the groups' quantiles"
    return "a customer with rows in two groups counts in both" if once else ""


def _rows(own: OwnKpi, figures: Mapping[str, Figure]) -> Callable[[Ask], ir.Table]:
    """The function that gives the KPI's rows: the same bricks, filled from what the file says."""

    def rows(ask: Ask) -> ir.Table:
        figure = next((figures[name] for name in figures if ask.has(name)), own.figure)
        t = ask.facts(own.table, instant=own.instant, named=figure.names)
        unit = ask.asked.unit
        if unit == "money" and isinstance(figure.value, str):
            t = ask.money(t, own.table, [figure.value])
            t = t.mutate(**{NAMED + figure.value: t[figure.value]})

        def holds(text: str) -> ir.BooleanValue:
            return predicate(parse(text), lambda name: t[NAMED + name]).fill_null(False)

        if figure.among:
            t = t.filter(holds(figure.among))
        filled = _filled(t, figure, holds)
        out = [(~holds(figure.counts), f"not counted: {figure.counts}")] if figure.counts else []
        if unit == "money":
            out.append((t.no_rate, "no exchange rate for its currency on that day"))
        pending = [(holds(figure.pending), f"pending: {figure.pending}")] if figure.pending else []
        empty = [(filled[name].isnull(), f"{figure.value or name} is empty") for name in ("x", "num") if name in filled]
        return ask.rows(t, out=[*out, *empty], pending=pending, **filled)

    return rows


def _filled(t: ir.Table, figure: Figure, holds: Callable[[str], ir.BooleanValue]) -> dict[str, ir.Value]:
    """The columns that the brick bears."""
    match figure.brick:
        case "count":
            return {}
        case "share":
            return {"good": holds(figure.good)}
        case "net":
            return {"good": holds(figure.good), "bad": holds(figure.bad) & ~holds(figure.good)}
        case "sum":
            return {"num": _number(t, figure.value)}
        case "ratio":
            return {"num": _number(t, figure.value), "den": _number(t, figure.over) if figure.over else ibis.literal(1)}
        case _:
            return {"x": _number(t, figure.value)}


def _number(t: ir.Table, value: str | tuple[str, str]) -> ir.NumericValue:
    if isinstance(value, tuple):
        start, end = (t[NAMED + name] for name in value)
        return end.delta(start, unit="microsecond").cast("float64") / 1e6
    column = t[NAMED + value]
    return column.try_cast("float64") if column.type().is_string() else column


__all__ = ["OwnKpi", "OwnKpis", "own_metrics", "read_metric"]
