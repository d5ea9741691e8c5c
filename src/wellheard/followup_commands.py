"""The commands of following up: rules and what they would do, cases, deliveries and the connections they leave by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from wellheard import hook_commands

Open = Callable[[], AbstractContextManager[Any]]
Format = Annotated[str, typer.Option("--format", help="table, json or csv.")]
Days = Annotated[int, typer.Option(min=1, max=3_650, help="How many days back.")]
RULES = ("rule", "name", "trigger", "on", "acted_30_days", "fault")
FORESEEN = ("happened_at", "what", "customer_id", "decision", "reason", "subject")
CASES = ("case", "title", "state", "owner", "team", "due_at", "opened_at", "answered_at", "customer_id", "outcome")
SENT = ("delivery", "title", "kind", "through", "to", "state", "tries", "made_at", "failure")
TRIED = ("tried_at", "outcome", "seconds", "status", "failure")
CONNECTIONS = ("name", "channel", "state", "worked_at", "failure")


def register(app: typer.Typer, open_workspace: Open) -> None:
    """Adds the commands to the program's; `open_workspace` gives the workspace that was asked for."""
    _rules(app, open_workspace)
    _cases(app, open_workspace)
    _deliveries(app, open_workspace)
    hook_commands.register(app, open_workspace)


def _rules(app: typer.Typer, open_workspace: Open) -> None:
    rules = typer.Typer(no_args_is_help=True, help="Rules: when this, do that.")
    app.add_typer(rules, name="rules")

    @rules.command("list")
    def list_(format: Format = "table") -> None:
        """List the rules, what each did in 30 days, and what is wrong with those that cannot be used."""
        from wellheard.console import print_objects
        from wellheard.store.firings import counts_by_rule

        with open_workspace() as workspace, _loop(workspace) as loop:
            found, faulty = loop.book.all()
            with loop.store.reading() as con:
                counts = counts_by_rule(con, loop.workspace, loop.sender.now())
        listed = [
            {
                "rule": rule.id,
                "name": rule.name,
                "trigger": rule.trigger.name,
                "on": rule.file.on,
                "acted_30_days": counts.get(rule.id, {}).get("acted", 0),
                "fault": None,
            }
            for rule in found
        ]
        listed += [{"rule": id, "fault": error.message} for id, error in faulty.items()]
        print_objects(listed, format, RULES)

    @rules.command()
    def check() -> None:
        """Check every rule's file, and whether what it sends through is connected; exit 1 where something is wrong."""
        from wellheard.store.connections import connections

        with open_workspace() as workspace, _loop(workspace) as loop:
            found, faulty = loop.book.all()
            with loop.store.reading() as con:
                there = connections(con, loop.workspace, loop.sender.vault)
            faults = [f"{id}: {error.message}" for id, error in faulty.items()]
            for rule in found:
                try:
                    now = loop.sender.now()
                    rule.trigger.find(rule.when, loop.look, now - timedelta(hours=1), now)
                except Exception as error:  # noqa: BLE001 - the others are checked all the same
                    faults.append(f"{rule.id}: {str(error).splitlines()[0]}")
                faults += [f"{rule.id}: {name} is not connected" for name in rule.through() if name not in there]
        for fault in faults:
            typer.echo(fault, err=True)
        typer.echo(f"{len(found) + len(faulty)} rules, {len(faults)} faults")
        if faults:
            raise typer.Exit(1)

    @rules.command("dry-run")
    def dry_run(
        rule: Annotated[str, typer.Argument(help="The rule's name: that of its file.")],
        days: Days = 30,
        format: Format = "table",
    ) -> None:
        """Show what a rule would have done about what happened in the last days. Nothing is written."""
        from wellheard.console import print_objects

        with open_workspace() as workspace, _loop(workspace) as loop:
            until = loop.sender.now()
            foreseen = loop.dry_run(loop.book.rule(rule), until - timedelta(days=days), until)
        listed = [
            {
                "happened_at": f.happening.at.isoformat(timespec="seconds"),
                "what": f.happening.title,
                "customer_id": f.happening.customer_id,
                "decision": f.firing.decision,
                "reason": f.firing.reason or None,
                "subject": f.happening.subject,
            }
            for f in foreseen
        ]
        if format == "table":
            acted = sum(f.firing.decision == "acted" for f in foreseen)
            times = "once" if acted == 1 else f"{acted} times"
            typer.echo(f"It would have acted {times} in {days} days.")
        print_objects(listed, format, FORESEEN)


def _cases(app: typer.Typer, open_workspace: Open) -> None:
    @app.command("cases")
    def cases(
        state: Annotated[str, typer.Option(help="open, acknowledged, snoozed, closed or all; by default to do.")] = "",
        owner: Annotated[str, typer.Option(help="Whose.")] = "",
        overdue: Annotated[bool, typer.Option("--overdue", help="Those past their time only.")] = False,
        limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
        format: Format = "table",
    ) -> None:
        """List cases, what is due first at the top."""
        from wellheard.base.errors import BadCall
        from wellheard.console import print_objects
        from wellheard.store.cases import STATES, UNDONE, Search
        from wellheard.store.cases import cases as found_by

        if state not in ("", "all", *STATES):
            raise BadCall(f"--state {state} is not known", hint=f"one of all, {', '.join(STATES)}", field="state")
        states = UNDONE if not state else () if state == "all" else (state,)
        with open_workspace() as workspace, _loop(workspace) as loop, loop.store.reading() as con:
            search = Search(states=states, owner=owner, overdue=overdue, most=limit)
            found = found_by(con, loop.workspace, search, loop.sender.now())
        listed = [
            {
                "case": case.number,
                "title": case.title,
                "state": case.state,
                "owner": case.owner,
                "team": case.team,
                "due_at": _written(case.due_at),
                "opened_at": _written(case.opened_at),
                "answered_at": _written(case.answered_at),
                "customer_id": case.customer_id,
                "outcome": case.outcome,
            }
            for case in found
        ]
        print_objects(listed, format, CASES)


def _deliveries(app: typer.Typer, open_workspace: Open) -> None:
    deliveries = typer.Typer(no_args_is_help=True, help="What leaves, what waits and what died, and the connections.")
    app.add_typer(deliveries, name="deliveries")

    @deliveries.command("list")
    def list_(
        state: Annotated[str, typer.Option(help="waiting, sending, delivered or dead; by default all.")] = "",
        limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
        format: Format = "table",
    ) -> None:
        """List the newest deliveries."""
        from wellheard.base.errors import BadCall
        from wellheard.console import print_objects
        from wellheard.store.deliveries import STATES
        from wellheard.store.deliveries import deliveries as found_by

        if state not in ("", *STATES):
            raise BadCall(f"--state {state} is not known", hint=f"one of {', '.join(STATES)}", field="state")
        with open_workspace() as workspace, _loop(workspace) as loop, loop.store.reading() as con:
            found = found_by(con, loop.workspace, loop.sender.vault, state=state or None, most=limit)
        listed = [
            {
                "delivery": d.number,
                "title": d.title,
                "kind": d.kind,
                "through": d.connection,
                "to": d.recipient or None,
                "state": d.state,
                "tries": d.attempts,
                "made_at": _written(d.made_at),
                "failure": d.failure,
            }
            for d in found
        ]
        print_objects(listed, format, SENT)

    @deliveries.command()
    def show(number: int, format: Format = "table") -> None:
        """Show every try of a delivery."""
        from wellheard.console import print_objects
        from wellheard.store.deliveries import attempts_of, delivery

        with open_workspace() as workspace, _loop(workspace) as loop, loop.store.reading() as con:
            delivery(con, loop.workspace, loop.sender.vault, number)
            tried = attempts_of(con, number)
        print_objects([{**vars(a), "tried_at": _written(a.tried_at)} for a in tried], format, TRIED)

    @deliveries.command()
    def replay(number: int) -> None:
        """Try a dead delivery again, under its own key."""
        from wellheard.store.deliveries import replay as tried_again

        with open_workspace() as workspace, _loop(workspace) as loop, loop.store.writing() as con:
            tried_again(con, loop.workspace, number, loop.sender.now())

    @deliveries.command()
    def send() -> None:
        """Send what is due now, as the server does by itself."""
        with open_workspace() as workspace, _loop(workspace) as loop:
            typer.echo(f"{loop.sender.send_due(most=500)} tried")

    _connections(deliveries, open_workspace)


def _connections(deliveries: typer.Typer, open_workspace: Open) -> None:
    @deliveries.command()
    def connections(format: Format = "table") -> None:
        """List the connections, without their secrets."""
        from wellheard.console import print_objects
        from wellheard.store.connections import connections as found_by

        with open_workspace() as workspace, _loop(workspace) as loop, loop.store.reading() as con:
            found = found_by(con, loop.workspace, loop.sender.vault)
        listed = [
            {
                "name": place.name,
                "channel": place.channel,
                "state": "disabled" if place.disabled_at else "failing" if place.failing_since else "on",
                "worked_at": _written(place.worked_at),
                "failure": place.failure,
            }
            for place in found.values()
        ]
        print_objects(listed, format, CONNECTIONS)

    @deliveries.command()
    def connect(
        name: Annotated[str, typer.Argument(help="Its name here.")],
        channel: Annotated[str, typer.Argument(help="Such as email, slack, zendesk, sms or google_play.")],
        set_: Annotated[
            list[str] | None, typer.Option("--set", help="field=value or field=@file; may be given again.")
        ] = None,
    ) -> None:
        """Connect a channel; secrets that --set does not give are asked for, so that no history keeps them.

        A secret that a channel can do without may be left empty. A value that begins with @ is written as @@.
        """
        from wellheard.actions.channel import channel_called
        from wellheard.actions.hook import schemes
        from wellheard.store.connections import keep_connection

        given = {name: _value_in(value, name) for name, _, value in (text.partition("=") for text in set_ or [])}
        chosen = channel_called(channel)
        for field in chosen.fields:
            if field.secret and field.name not in given:
                none = None if field.required else ""
                given[field.name] = typer.prompt(field.words, hide_input=True, default=none, show_default=False)
        with open_workspace() as workspace, _loop(workspace) as loop:
            settings, secrets = chosen.parted(given, loop.sender.egress, loop.sender.internal)
            with loop.store.writing() as con:
                keep_connection(
                    con, loop.workspace, loop.sender.vault, name, channel, settings, secrets, datetime.now(UTC)
                )
        if channel in schemes():
            typer.echo(f"To hear what becomes of its tickets: wellheard hooks add {name} {channel}")

    @deliveries.command()
    def key() -> None:
        """Print a new key for sealing secrets, to be put in front of those in the setting secret_keys."""
        from wellheard.store.vault import new_key

        typer.echo(new_key())

    @deliveries.command()
    def reseal() -> None:
        """Seal the secrets of all connections and hooks with the newest key."""
        from wellheard.store.connections import reseal as sealed_anew
        from wellheard.store.hooks import reseal_hooks

        with open_workspace() as workspace, _loop(workspace) as loop, loop.store.writing() as con:
            places, heard = sealed_anew(con, loop.sender.vault), reseal_hooks(con, loop.sender.vault)
            typer.echo(f"{places} connections and {heard} hooks sealed anew")


def _value_in(told: str, field: str) -> str:
    """What stands behind `field=`: the value itself, or what is in the file that it names. Raises BadCall."""
    from wellheard.base.errors import BadCall

    if not told.startswith("@") or told.startswith("@@"):
        return told.removeprefix("@")
    try:
        return Path(told[1:]).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        hint = "name a file of text that you may read, as in field=@key.json"
        raise BadCall(f"{field}: {told[1:]} cannot be read: {type(error).__name__}", hint=hint, field=field) from None


@contextmanager
def _loop(workspace: Any) -> Iterator[Any]:
    from wellheard.following import LoopService

    service = LoopService(workspace)
    try:
        yield service()
    finally:
        service.close()


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
