"""The commands for texts: score any, read those of a workspace, topics, labels, and what is learned from them."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

Open = Callable[[], AbstractContextManager[Any]]
Format = Annotated[str, typer.Option("--format", help="table, json or csv.")]
SCORED = ("language", "sentiment", "valence", "emotions", "strength", "topics", "model")
LISTED = ("id", "name", "group", "texts", "pinned", "words")
TopicId = Annotated[str, typer.Argument(help="The topic's id, from `wellheard topics`.")]


def register(app: typer.Typer, open_workspace: Open) -> None:
    """Adds the commands to the program's; `open_workspace` gives the workspace that was asked for."""

    @app.command("score-text")
    def score_text(
        file: Annotated[
            str, typer.Argument(help="A file with a text a line, or CSV with --column; - reads what comes in.")
        ],
        column: Annotated[
            str | None, typer.Option(help="The CSV column, or JSON lines' key, that holds the text.")
        ] = None,
        format: Annotated[str, typer.Option("--format", help="json or csv.")] = "json",
    ) -> None:
        """Read texts: language, sentiment, valence, emotions, strength and topics, a row a text. Nothing is kept."""
        from wellheard.base.errors import BadCall

        if format not in ("json", "csv"):
            raise BadCall(f"{format!r} is no format", hint="json or csv", field="format")
        texts = _texts(file, column)
        with open_workspace() as workspace:
            _print_scores(workspace.texts.score(texts), format)

    _register_texts(app, open_workspace)
    _register_topics(app, open_workspace)


def _register_texts(app: typer.Typer, open_workspace: Open) -> None:
    texts = typer.Typer(no_args_is_help=True, help="Customers' texts: read them, label some, learn from that.")
    app.add_typer(texts, name="texts")

    @texts.command()
    def read(
        most: Annotated[int | None, typer.Option(min=1, help="How many at the most.")] = None,
        fast: Annotated[
            bool, typer.Option("--fast", help="By the lexicon, what nothing has read yet; the model reads it later.")
        ] = False,
    ) -> None:
        """Read the texts that wait; killed at any point, the next call goes on."""
        from rich.progress import Progress

        with open_workspace() as workspace, Progress(transient=True, disable=not sys.stderr.isatty()) as shown:
            task = shown.add_task("Reading texts", total=None)
            reads = workspace.texts.read_fast if fast else workspace.texts.read
            done = reads(most, lambda n, whole: shown.update(task, completed=n, total=whole))
        typer.echo(f"{done:,} texts read")

    @texts.command()
    def status(format: Format = "table") -> None:
        """Say how many texts were read and wait, and which cannot be read."""
        from wellheard.console import print_objects

        with open_workspace() as workspace:
            told = workspace.texts.status()
        rows = [{"what": "model", "value": told["model"]}, {"what": "read", "value": told["read"]}]
        rows += [{"what": "of them by the lexicon", "value": told["fast"]}] if told["fast"] else []
        rows += [{"what": "waiting", "value": told["waiting"]}]
        rows += [{"what": why, "value": n} for why, n in told["unread"].items()]
        print_objects(rows, format, ("what", "value"))

    @texts.command()
    def learn(
        what: Annotated[str, typer.Argument(help="A language such as pt, learned from rated comments; or labels.")],
    ) -> None:
        """Train a head at home; it is taken only if it wins on what was held out."""
        with open_workspace() as workspace:
            trial = workspace.texts.learn_labels() if what == "labels" else workspace.texts.learn_language(what)
        typer.echo(f"{'taken' if trial.accepted else 'not taken'}: {trial.why}; trained on {trial.trained:,}")

    @texts.command()
    def draw(
        n: Annotated[int, typer.Argument(help="50 to 300.")] = 100,
        seed: int = 7,
        plain: Annotated[bool, typer.Option("--plain", help="From all alike, not by sentiment.")] = False,
    ) -> None:
        """Draw texts at random to be labelled on the page /labels."""
        with open_workspace() as workspace:
            drawn = workspace.texts.draw_labels(n, seed, by_sentiment=not plain)
        typer.echo(f"{drawn} texts drawn; label them at /labels")


def _register_topics(app: typer.Typer, open_workspace: Open) -> None:
    topics = typer.Typer(invoke_without_command=True, help="What texts are about: find topics and correct them.")
    app.add_typer(topics, name="topics")

    @topics.callback()
    def list_(
        context: typer.Context,
        version: Annotated[int | None, typer.Option(help="An earlier version.")] = None,
        format: Format = "table",
    ) -> None:
        """List the topics."""
        if context.invoked_subcommand is not None:
            return
        from wellheard.console import print_objects

        with open_workspace() as workspace:
            found = workspace.texts.topics(version)
        rows = [
            {
                "id": t.id,
                "name": t.name,
                "group": t.group,
                "texts": t.size,
                "pinned": t.pinned,
                "words": ", ".join(t.words),
            }
            for t in found.topics
        ]
        print_objects(rows, format, LISTED)

    @topics.command()
    def find(
        k: Annotated[int | None, typer.Option(min=2, help="How many; by default as many as there are.")] = None,
    ) -> None:
        """Find topics in what was read. Those that are still spoken of keep their ids and names."""
        with open_workspace() as workspace:
            _said(workspace.texts.find_topics(k))

    @topics.command()
    def merge(id: TopicId, into: TopicId) -> None:
        """Join a topic to another."""
        with open_workspace() as workspace:
            _said(workspace.texts.merge_topics(id, into))

    @topics.command()
    def rename(id: TopicId, name: str) -> None:
        """Give a topic a name."""
        with open_workspace() as workspace:
            _said(workspace.texts.rename_topic(id, name))

    @topics.command()
    def split(id: TopicId) -> None:
        """Cut a topic in two."""
        with open_workspace() as workspace:
            _said(workspace.texts.split_topic(id))

    @topics.command()
    def pin(id: TopicId, off: Annotated[bool, typer.Option("--off", help="No longer.")] = False) -> None:
        """Keep a topic as it is in later runs."""
        with open_workspace() as workspace:
            _said(workspace.texts.pin_topic(id, not off))

    @topics.command()
    def delete(id: TopicId) -> None:
        """Remove a topic; no run finds it again."""
        with open_workspace() as workspace:
            _said(workspace.texts.delete_topic(id))

    @topics.command()
    def define(name: str, file: Annotated[Path, typer.Argument(help="Ten examples or more, one a line.")]) -> None:
        """Define a category by examples."""
        with open_workspace() as workspace:
            _said(workspace.texts.define_topic(name, file.read_text("utf-8").splitlines()))

    @topics.command()
    def versions(format: Format = "table") -> None:
        """List the versions, with what each changed."""
        from wellheard.console import print_objects

        with open_workspace() as workspace:
            shelf = workspace.texts.shelf
            rows = [
                {"version": n, "words": (t := shelf.topics(n)).words, "topics": len(t.topics)} for n in shelf.versions()
            ]
        print_objects(rows, format, ("version", "words", "topics"))

    @topics.command()
    def diff(before: int, after: int) -> None:
        """Show what is different between two versions."""
        with open_workspace() as workspace:
            told = workspace.texts.difference(before, after)
        typer.echo(json.dumps({k: getattr(told, k) for k in ("added", "removed", "renamed", "moved")}, indent=2))


def _said(topics: Any) -> None:
    typer.echo(f"version {topics.version}: {topics.words}; {len(topics.topics)} topics")


def _texts(file: str, column: str | None) -> list[str]:
    from wellheard.base.errors import BadInput

    if file == "-":
        content = sys.stdin.read()
    else:
        try:
            content = Path(file).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            hint = "name a UTF-8 file, or - for what comes in"
            raise BadInput(f"{file} cannot be read: {type(error).__name__}", hint=hint, field="file") from None
    if column is None:
        return content.splitlines()
    return list(_column(content, column))


def _column(content: str, column: str) -> Iterator[str]:
    from wellheard.base.errors import BadInput, Unknown

    lines = content.splitlines(keepends=True)
    if content.lstrip().startswith("{"):
        try:
            rows: Sequence[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
        except json.JSONDecodeError as error:
            raise BadInput(f"this is no JSON, a row a line: {error}", hint="write one object a line") from None
        names = {name for row in rows for name in row}
    else:
        csv.field_size_limit(10_000_000)
        dialect = "excel-tab" if lines and "\t" in lines[0] and "," not in lines[0] else "excel"
        reader = csv.DictReader(lines, dialect=dialect)
        rows, names = list(reader), set(reader.fieldnames or ())
    if column not in names:
        raise Unknown(
            f"there is no column {column!r}", hint=f"one of {', '.join(sorted(map(str, names)))}", field="column"
        )
    yield from (str(row.get(column) or "") for row in rows)


def _print_scores(rows: Sequence[dict[str, Any]], format: str) -> None:
    if format == "json":
        typer.echo(json.dumps([{name: row[name] for name in SCORED} for row in rows], ensure_ascii=False, indent=2))
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(SCORED)
    for row in rows:
        cells = [row[name] for name in SCORED]
        writer.writerow([";".join(c) if isinstance(c, list) else c for c in cells])
