"""The command line: thin, since every command is a call to the workspace and a way of printing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from wellheard import asking_commands, followup_commands, link_commands, score_commands, survey_commands, text_commands
from wellheard.base.errors import BadCall, WellheardError

app = typer.Typer(
    name="wellheard",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measures customer experience: every KPI from one definition, with its uncertainty.",
)
REJECTED = 3  # some rows were set aside, the others are in

Home = Annotated[
    Path | None,
    typer.Option("--home", envvar="WELLHEARD_HOME", help="The folder of the deployment; made on first use."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the effect and change nothing.")]
LinkId = Annotated[str, typer.Argument(help="The link's id, or its first letters, from `wellheard links`.")]
Format = Annotated[str, typer.Option("--format", help="table, json, csv or parquet.")]
_state: dict[str, Any] = {"home": None, "workspace": "main"}


@app.callback()
def _options(
    home: Home = None,
    workspace: Annotated[str, typer.Option(help="The company or brand.")] = "main",
) -> None:
    _state.update(home=home, workspace=workspace)


@contextmanager
def _open() -> Iterator[Any]:
    from wellheard.app import Workspace

    with Workspace(_state["home"], _state["workspace"]) as workspace:
        yield workspace


def _pairs(values: Sequence[str], option: str) -> dict[str, str]:
    """`a=b` options as a dictionary; raises BadCall for one without an equals sign."""
    pairs = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadCall(
                f"{text!r} is not name=value", hint=f"for example {option} score=nps_score", field=option.strip("-")
            )
        pairs[name.strip()] = value
    return pairs


@app.command("import")
def import_(
    file: Annotated[list[Path], typer.Argument(help="CSV, TSV, JSON lines, Parquet or Excel; gz, zst or bz2 too.")],
    table: Annotated[str | None, typer.Option(help="The canonical table that the rows belong to.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="A TOML file that says how files become tables.")] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="canonical=column of the file; attributes.x=column.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="canonical=value for every row.")] = None,
    source: Annotated[str | None, typer.Option(help="The system's name; by default the table's.")] = None,
    tz: Annotated[
        str | None, typer.Option(help="The zone of times that name none; by default the workspace's.")
    ] = None,
    date_format: Annotated[
        list[str] | None, typer.Option("--date-format", help="column=%d/%m/%Y where a date is ambiguous.")
    ] = None,
    fold: Annotated[
        str | None, typer.Option(help="earlier or later: which of two equal times when clocks go back.")
    ] = None,
    decimal: Annotated[str | None, typer.Option(help="The decimal mark: . or ,")] = None,
    delimiter: Annotated[str | None, typer.Option(help="The delimiter, where it is not found by itself.")] = None,
    encoding: Annotated[str | None, typer.Option(help="The encoding, where it is not found by itself.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet of a workbook that has several.")] = None,
    header: Annotated[int | None, typer.Option(help="The row that names the columns; 0 where there is none.")] = None,
    export: Annotated[str | None, typer.Option(help="The survey system, where its export is not recognised.")] = None,
    question: Annotated[list[str] | None, typer.Option(help="What a column of it asks: Q1=nps, Q2=csat:1-7.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")] = False,
) -> None:
    """Take files in: the exports of known survey systems as they are, others by a recipe or as one table."""
    from wellheard.console import progress_bar
    from wellheard.import_console import import_report
    from wellheard.importing import ImportCall
    from wellheard.warehouse.dates import check_format

    for value, allowed, option in ((fold, ("earlier", "later"), "fold"), (decimal, (".", ","), "decimal")):
        if value is not None and value not in allowed:
            raise BadCall(f"--{option} {value} is not known", hint=f"one of {' '.join(allowed)}", field=option)
    mapping = _pairs(map_ or [], "--map")
    formats = dict(check_format(text) for text in date_format or [])
    call = ImportCall(
        paths=tuple(file),
        table=table,
        recipe=recipe,
        mapping=mapping,
        constants=_pairs(set_ or [], "--set"),
        source=source,
        tz=tz,
        fold=fold,
        decimal=decimal,
        delimiter=delimiter,
        encoding=encoding,
        sheet=sheet,
        header=header,
        dry_run=dry_run,
        export=export,
        questions=_pairs(question or [], "--question"),
        date_formats={mapping.get(column, column): form for column, form in formats.items()},
    )
    with _open() as workspace:
        with progress_bar() as progress:
            report = workspace.import_files(call, progress)
        import_report(report, workspace.feeds())
    if report.rejected:
        raise typer.Exit(REJECTED)


@app.command()
def imports(format: Format = "table") -> None:
    """List every load with what it changed."""
    from wellheard.import_console import imports_table

    with _open() as workspace:
        imports_table(workspace.imports(), format)


@app.command()
def undo(id: Annotated[str, typer.Argument(help="The import's id, from `wellheard imports`.")]) -> None:
    """Take a load back."""
    from wellheard.import_console import undone

    with _open() as workspace:
        undone(workspace.undo(id))


kpis_app = typer.Typer(invoke_without_command=True, help="List every KPI with its words; check those of your own.")
app.add_typer(kpis_app, name="kpis")


@kpis_app.callback()
def kpis(context: typer.Context, format: Format = "table") -> None:
    """List every KPI with its words, or check the KPIs of your own."""
    if context.invoked_subcommand is not None:
        return
    from wellheard.console import print_objects

    with _open() as workspace:
        listed = [kpi.described() for kpi in workspace.kpis()]
    if format == "json":
        print_objects(listed, "json")
        return
    print_objects([{k: k_[k] for k in ("name", "title", "unit", "question")} for k_ in listed], format)


@kpis_app.command("check")
def kpis_check(
    file: Annotated[
        list[Path] | None, typer.Argument(help="TOML files; by default all in the home's folder kpis.")
    ] = None,
    format: Format = "table",
) -> None:
    """Hold your own KPIs to the contract that the built-in ones keep: examples, empty data, sums, rows."""
    from wellheard.console import print_findings
    from wellheard.kpi_contract import check
    from wellheard.metrics.own import read_metric

    with _open() as workspace:
        faults = () if file else workspace.catalogue.faults
        own = [read_metric(p) for p in file] if file else [m for v in workspace.catalogue.own.values() for m in v]
        held = print_findings(check(own, workspace), faults, format)
    if not held:
        raise typer.Exit(1)


@app.command()
def kpi(
    name: Annotated[
        str, typer.Argument(help="The KPI, with variants as csat:mean or first_response_time:p90+business.")
    ],
    by: Annotated[list[str] | None, typer.Option(help="Group by a dimension; may be given again.")] = None,
    grain: Annotated[str | None, typer.Option(help="day, week, month, quarter or year.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="First day, such as 2026-01-01.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The day after the last.")] = None,
    where: Annotated[str | None, typer.Option(help="A filter such as \"region = 'EU'\".")] = None,
    compare: Annotated[str | None, typer.Option(help="previous or year.")] = None,
    as_of: Annotated[int | None, typer.Option("--as-of", help="An earlier snapshot.")] = None,
    engine: Annotated[str, typer.Option(help="auto, facts or rollups.")] = "auto",
    rows: Annotated[bool, typer.Option("--rows", help="The rows behind the number, each with why it counted.")] = False,
    level: Annotated[float, typer.Option(help="The level of the interval.")] = 0.95,
    top: Annotated[int | None, typer.Option(help="So many groups stand alone; the others are one.")] = None,
    pooled: Annotated[
        bool, typer.Option("--pooled", help="Steady the figures of small groups by what all groups have in common.")
    ] = False,
    preview_definition: Annotated[
        Path | None, typer.Option(help="A TOML file: show the last twelve months by its definition, too.")
    ] = None,
    format: Format = "table",
) -> None:
    """Compute a KPI."""
    from wellheard.console import print_answer

    with _open() as workspace:
        if preview_definition is not None:
            from wellheard.console import print_preview
            from wellheard.preview import preview

            print_preview(preview(workspace, name, preview_definition), format)
            return
        answer = workspace.kpi(
            name,
            by=by or (),
            grain=grain,
            where=where,
            start=from_,
            end=to,
            compare=compare,
            as_of=as_of,
            level=level,
            rows=rows,
            top=top,
            pooled=pooled,
            engine=engine,
        )
        print_answer(answer, format)


segments_app = typer.Typer(invoke_without_command=True, help="List, save and remove segments: filters with a name.")
app.add_typer(segments_app, name="segments")


@segments_app.callback()
def segments(context: typer.Context, format: Format = "table") -> None:
    """List the saved segments; each is a dimension segments.NAME."""
    if context.invoked_subcommand is not None:
        return
    from wellheard.console import print_objects

    with _open() as workspace:
        saved = workspace.settings.segments
    print_objects([{"name": n, "where": text} for n, text in saved.items()], format, ("name", "where"))


@segments_app.command("save")
def segments_save(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _.")],
    where: Annotated[str, typer.Argument(help="A filter such as \"tier = 'gold' and region = 'EU'\".")],
) -> None:
    """Keep a filter under a name."""
    with _open() as workspace:
        workspace.save_segment(name, where)


@segments_app.command("remove")
def segments_remove(name: Annotated[str, typer.Argument(help="The segment's name.")]) -> None:
    """Forget a saved segment."""
    with _open() as workspace:
        workspace.remove_segment(name)


targets_app = typer.Typer(invoke_without_command=True, help="List, set and remove targets.")
app.add_typer(targets_app, name="targets")


@targets_app.callback()
def targets(context: typer.Context, format: Format = "table") -> None:
    """List the targets: where each stands, and how likely it is to be met."""
    if context.invoked_subcommand is not None:
        return
    from wellheard.console import print_targets

    with _open() as workspace:
        print_targets(workspace.targets(), workspace.catalogue, format)


@targets_app.command("set")
def targets_set(
    kpi: Annotated[str, typer.Argument(help="The KPI, with variants as csat:mean.")],
    value: Annotated[float, typer.Argument(help="What it should be, in the KPI's unit.")],
    by: Annotated[str, typer.Option(help="The last day, such as 2026-12-31.")],
    from_: Annotated[str, typer.Option("--from", help="The first day.")],
    owner: Annotated[str, typer.Option(help="Whose target it is.")] = "",
    where: Annotated[str, typer.Option(help="Of which rows: a filter such as \"channel = 'chat'\".")] = "",
) -> None:
    """Set a target for a KPI over some days, for all rows or for a segment or channel."""
    from wellheard.metrics.target import target_of

    told: dict[str, Any] = {"kpi": kpi, "value": value, "by": by, "from": from_, "owner": owner, "where": where}
    with _open() as workspace:
        workspace.set_target(target_of(**told))


@targets_app.command("remove")
def targets_remove(id: Annotated[str, typer.Argument(help="The target's id, from `wellheard targets`.")]) -> None:
    """Forget a target."""
    with _open() as workspace:
        workspace.remove_target(id)


@app.command()
def advise(
    goal: Annotated[str | None, typer.Option(help="What you want; without it, the goals are listed.")] = None,
    business: Annotated[str, typer.Option(help="The kind of business.")] = "b2b_saas",
    maturity: Annotated[str, typer.Option(help="starting, growing or advanced.")] = "starting",
    apply: Annotated[bool, typer.Option("--apply", help="Show this set on the scorecard.")] = False,
    format: Format = "table",
) -> None:
    """Say which few KPIs serve a goal, why, what they need, and what is missing."""
    from wellheard.console import print_advice, print_objects
    from wellheard.insights.advice import options

    if goal is None:
        there = {"goal": options().goals, "business": options().businesses, "maturity": options().maturities}
        listed = [{"option": f"--{o}", "value": n, "words": w} for o, known in there.items() for n, w in known.items()]
        print_objects(listed, format)
        return
    with _open() as workspace:
        advice = workspace.advise(goal, business, maturity)
        print_advice(advice, format)
        if apply:
            workspace.choose_scorecard([pick.kpi.partition(":")[0] for pick in advice.picks])


@app.command()
def parity(
    product: Annotated[str | None, typer.Argument(help="zendesk, intercom, …; by default all there are.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="First day; by default the last complete month.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The day after the last.")] = None,
    format: Format = "table",
) -> None:
    """Show what another product would show from these rows, our number, and why they differ."""
    from wellheard.console import print_parity

    with _open() as workspace:
        print_parity(workspace.parity(product, from_, to), format)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="The folder for the files.")],
    customers: Annotated[int, typer.Option(min=1)] = 5000,
    months: Annotated[int, typer.Option(min=1)] = 24,
    seed: int = 7,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="The share of rows that come twice.")] = 0.0,
    gaps: Annotated[int, typer.Option(min=0, help="Days of which no visits and no usage came.")] = 0,
) -> None:
    """Write a made-up company's files, with its truth: truth.json says what the rows should show on average."""
    from wellheard.simulate import simulate as write

    written = write(out, customers=customers, months=months, seed=seed, duplicates=duplicates, gaps=gaps)
    for table, path, rows in written.files:
        typer.echo(f"{rows:>9,} {table} → {path}")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
) -> None:
    """Serve the pages and the API on this machine."""
    from wellheard.serving import serve as run

    with _open() as workspace:
        run(workspace, host, port)


@app.command()
def demo(
    customers: Annotated[int, typer.Option(min=100)] = 5000,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
    serve_: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the page at the end.")] = True,
) -> None:
    """Load a made-up company and show its scorecard."""
    from wellheard.demo import fill
    from wellheard.serving import serve as run

    with _open() as workspace:
        fill(workspace, customers)
        if serve_:
            run(workspace, None, port)


@app.command()
def doctor() -> None:
    """Check the deployment and its settings, and say what to do."""
    from wellheard.doctor import check

    raise typer.Exit(check(_state["home"], _state["workspace"]))


@app.command(hidden=True)
def docs(out: Path) -> None:
    """Write a page for every KPI, and list the standard words of surveys that no language but English has."""
    from wellheard.kpi_pages import write
    from wellheard.surveys.catalogue import missing_words

    write(out)
    for name, languages in missing_words().items():
        for language, keys in languages.items():
            typer.echo(f"{name} has no words in {language} for {', '.join(keys)}: English stands there")


followup_commands.register(app, _open)
link_commands.register(app, _open)
asking_commands.register(survey_commands.register(app, _open), _open)
text_commands.register(app, _open)
score_commands.register(app, _open)


def run(call: Callable[[], Any]) -> int:
    """Runs a command; an error of ours is told in words and gives its exit code."""
    try:
        left = call()
    except WellheardError as error:
        sys.stderr.write(f"wellheard: {error}\n")
        return error.exit_code
    except typer.Exit as leaving:
        return leaving.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone: nothing more can be said
        return 0
    except Exception as error:
        shown = getattr(error, "show", None)  # a usage error of the command line's own
        if shown is None:
            raise
        shown()
        return int(getattr(error, "exit_code", 2))
    return left if isinstance(left, int) else 0


def main() -> None:
    """The program."""
    from typer.main import get_command

    command = get_command(app)
    sys.exit(run(lambda: command(standalone_mode=False)))
