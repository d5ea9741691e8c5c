"""Looks a deployment over: every setting, and whether its parts are sound; each problem says what to do."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path

import typer

from wellheard.app import NAME, Workspace
from wellheard.base.errors import BadCall, WellheardError
from wellheard.base.mail import MailServer, greet
from wellheard.base.periods import zone_of
from wellheard.base.settings import FILE, Settings, explain, home_of, settings_of
from wellheard.store.health import state_of
from wellheard.store.store import FILE as STORE
from wellheard.store.store import newest
from wellheard.surveys.channel import channels
from wellheard.warehouse import schema
from wellheard.warehouse.engine import LAKES
from wellheard.warehouse.history import Import

OK, NOTE, PROBLEM = "ok", "note", "problem"
EXTENSIONS = ("ducklake", "sqlite_scanner")
LEAST_FREE = 1_000_000_000  # bytes: an import spills, and the nightly compaction writes files anew
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)  # a clock that is older has lost its battery
DRIFT = timedelta(minutes=5)
SQLITE, WAL = b"SQLite format 3\x00", b"\x02\x02"  # how a catalog's file begins; its bytes 18 and 19
LOCAL = ("127.0.0.1", "localhost", "::1")
MANY_WAITING = 50_000  # answers, which a server that merges has not got for long


@dataclass(frozen=True)
class Finding:
    """What one check found; `do` says what to do about a problem."""

    what: str
    state: str
    words: str
    do: str = ""


def check(home: Path | None, workspace: str = "main") -> int:
    """Prints every setting and every finding. Gives 0 where all is sound and 1 where there is a problem.

    Notes are no problems. Nothing is made: a home that does not exist yet stays so.
    """
    if not re.fullmatch(NAME, workspace):
        raise BadCall(
            f"{workspace!r} is no name for a workspace", hint="small letters, digits, - and _", field="workspace"
        )
    place = home_of(home)
    settings, found = _settings(place)
    for line in explain(settings) if settings is not None else ():
        came = line.origin if line.value == line.default else f"{line.origin}; default {line.default or 'empty'}"
        typer.echo(f"{line.name} = {line.value or 'empty'} ({came})\n{'':<8} {line.words}")
    findings = [*found, *_findings(place, workspace, settings)]
    for finding in findings:
        typer.echo(f"{finding.state:<8} {finding.what}: {finding.words}")
        if finding.do:
            typer.echo(f"{'':<8} → {finding.do}")
    problems = sum(f.state == PROBLEM for f in findings)
    typer.echo("All is sound." if not problems else f"{problems} problem{'s' if problems > 1 else ''} found.")
    return 1 if problems else 0


def _findings(home: Path, name: str, settings: Settings | None) -> Iterator[Finding]:
    folder = home / "workspaces" / name
    yield _home(home)
    yield from _wheels()
    yield _disk(home)
    yield _format(folder)
    past: list[Import] = []
    if folder.is_dir():
        yield from _catalogs(folder)
    if settings is None:
        yield Finding("lake", NOTE, "not opened, since the settings are wrong")
    elif folder.is_dir():
        opened, past = _lake(home, name)
        yield opened
    if settings is not None:
        yield _store(home, name, settings)
    yield _privacy(folder)
    yield _clock(past, settings)
    if settings is not None:
        yield _port(settings)
        yield from _channels(settings)
    yield _last(past)


def _settings(home: Path) -> tuple[Settings | None, list[Finding]]:
    """The settings, where they can be read, and what is wrong with them or with names that set nothing."""
    found = []
    known = {f"WELLHEARD_{name}".upper() for name in Settings.model_fields} | {"WELLHEARD_HOME"}
    for name in sorted(os.environ):
        if name.startswith("WELLHEARD_") and not name.startswith("WELLHEARD_TEST_") and name not in known:
            near = get_close_matches(name, known, n=1)
            do = f"did you mean {near[0]}?" if near else "unset it, or take a name from the settings above"
            found.append(Finding("settings", PROBLEM, f"{name} is no setting, so it does nothing", do))
    try:
        settings = settings_of(home)
    except WellheardError as error:
        return None, [*found, Finding("settings", PROBLEM, error.message, error.hint)]
    if not found:
        there = "is read" if (home / FILE).is_file() else "is not there"
        found.append(Finding("settings", OK, f"valid; {home / FILE} {there}"))
    return settings, found


def _home(home: Path) -> Finding:
    if home.exists() and not home.is_dir():
        return Finding("home", PROBLEM, f"{home} is a file", "name a folder by --home or WELLHEARD_HOME")
    standing = next(p for p in (home, *home.parents) if p.is_dir())
    try:
        with tempfile.TemporaryFile(dir=standing):
            pass
    except OSError as error:
        do = f"give its user the right to write there: chown -R USER {standing}; or name another folder by --home"
        return Finding("home", PROBLEM, f"{standing} cannot be written: {error.strerror}", do)
    return Finding("home", OK, f"{home} can be written" if standing == home else f"{home} will be made on first use")


def _wheels() -> Iterator[Finding]:
    engine = version("duckdb")
    for name in EXTENSIONS:
        spec = importlib.util.find_spec(f"duckdb_extension_{name}")
        if spec is None or spec.origin is None:
            words, do = f"the wheel duckdb-extension-{name} is missing", "run `make setup` again"
        elif not any(Path(spec.origin).parent.rglob(f"v{engine}/{name}.duckdb_extension")):
            words, do = f"{name} does not fit duckdb {engine}", "run `make setup` again: both come from one lock"
        else:
            yield Finding("extension", OK, f"{name} for duckdb {engine}")
            continue
        yield Finding("extension", PROBLEM, words, do)


def _disk(home: Path) -> Finding:
    standing = next(p for p in (home, *home.parents) if p.exists())
    free = shutil.disk_usage(standing).free
    said = f"{free / 1e9:,.1f} GB free at {standing}"
    if free >= LEAST_FREE:
        return Finding("disk", OK, said)
    return Finding(
        "disk", PROBLEM, said, f"free {LEAST_FREE / 1e9:g} GB at the least, or move the home to a larger disk"
    )


def _format(folder: Path) -> Finding:
    marker = folder / "format"
    if not folder.is_dir():
        return Finding("workspace", NOTE, f"{folder.name} holds nothing yet", "")
    try:
        number = int(marker.read_text("utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        do = "the next command makes it anew; if that fails, restore the folder from a backup"
        return Finding("workspace", NOTE, f"{folder} does not say its format", do)
    if number > schema.FORMAT:
        words = f"{folder} has format {number}, and this version knows {schema.FORMAT} at the most"
        return Finding("workspace", PROBLEM, words, "install the newer version, or restore a backup made before it")
    return Finding("workspace", OK, f"{folder.name}, format {number}")


def _lake(home: Path, name: str) -> tuple[Finding, list[Import]]:
    """Opens the workspace as every command does; its imports, where that went well."""
    try:
        with Workspace(home, name) as workspace:
            past, snapshot = workspace.imports(), workspace.lake.snapshot()
    except WellheardError as error:
        return Finding("lake", PROBLEM, error.message, error.hint), []
    except Exception as error:  # noqa: BLE001 - whatever the engine says, it is told here and is no crash
        words = f"it does not open: {str(error).splitlines()[0][:300]}"
        return Finding("lake", PROBLEM, words, f"restore {home / 'workspaces' / name} from a backup"), []
    return Finding("lake", OK, f"opens; snapshot {snapshot}"), past


def _store(home: Path, name: str, settings: Settings) -> Finding:
    """Whether the store can be reached, has this program's layout, and hands its answers on. Nothing is made."""
    given = bool(settings.store.get_secret_value())
    if not given and not (home / STORE).is_file():
        return Finding("store", NOTE, "there is none yet", "it is made when surveys are first served")
    try:
        known, waiting = state_of(home, settings, name)
    except WellheardError as error:
        return Finding("store", PROBLEM, error.message, error.hint)
    where = "PostgreSQL" if given else STORE
    if known > newest():
        words = f"{where} has layout {known}, and this version knows {newest()} at the most"
        return Finding("store", PROBLEM, words, "install the newer version, or restore a backup made before it")
    if known < newest():
        words = f"{where} has layout {known or 'none'}; {newest()} comes at the next `wellheard serve`"
        return Finding("store", NOTE, words)
    said = f"{where}, layout {known}; {waiting:,} answers wait for the lake"
    if waiting > MANY_WAITING:
        do = "run `wellheard serve`, which merges them; if it runs, its output says what stops it"
        return Finding("store", PROBLEM, said, do)
    return Finding("store", OK, said)


def _catalogs(folder: Path) -> Iterator[Finding]:
    """Readers and a writer share a catalog without waiting for each other only in WAL mode.

    The file's header says it. Read before the lake is opened: closing a file drops the locks that a process has on it.
    """
    for lake in LAKES:
        path = folder / f"{lake}.sqlite"
        try:
            with path.open("rb") as file:
                header = file.read(20)
        except OSError as error:
            yield Finding(
                "catalog", PROBLEM, f"{path} cannot be read: {error.strerror}", f"restore {folder} from a backup"
            )
            continue
        if not header.startswith(SQLITE):
            yield Finding("catalog", PROBLEM, f"{path} is no catalog", f"restore {folder} from a backup")
        elif header[18:20] == WAL:
            yield Finding("catalog", OK, f"{lake} is in WAL mode")
        else:
            do = "put the home on a local disk: network file systems cannot hold a catalog that several processes open"
            yield Finding("catalog", PROBLEM, f"{lake} is not in WAL mode", do)


def _privacy(folder: Path) -> Finding:
    """Rows lie in these folders, people's words among them: nobody else on the machine may read them."""
    rejects = folder / "rejects"
    wide = [p for p in (folder, rejects) if os.name == "posix" and p.is_dir() and p.stat().st_mode & 0o077]
    if wide:
        words = f"other users of this machine may look into {' and '.join(map(str, wide))}"
        return Finding("privacy", PROBLEM, words, f"chmod 700 {' '.join(map(str, wide))}")
    if not rejects.is_dir():
        return Finding("privacy", OK, "the folders are their owner's alone; no row was ever rejected")
    files = sum(1 for _ in rejects.glob("*.csv"))
    return Finding("privacy", OK, f"the folders are their owner's alone; {files} files of rejected rows in {rejects}")


def _clock(past: list[Import], settings: Settings | None) -> Finding:
    now = _now()
    latest = max((i.taken_at for i in past), default=NOT_BEFORE)
    if now < latest - DRIFT:
        words = f"it is {now:%Y-%m-%d %H:%M} UTC by this machine, but data came in at {latest:%Y-%m-%d %H:%M} UTC"
        return Finding("clock", PROBLEM, words, "set the machine's clock: the later import wins, and periods end by it")
    zone = settings.time_zone if settings is not None else "UTC"
    local = now.astimezone(zone_of(zone))
    return Finding(
        "clock", OK, f"{now:%Y-%m-%d %H:%M} UTC is {local:%Y-%m-%d %H:%M} in {zone}, where days begin at midnight"
    )


def _port(settings: Settings) -> Finding:
    if settings.host not in LOCAL:
        do = "set host to 127.0.0.1: nobody logs in yet, so the pages are served to this machine alone"
        return Finding("port", PROBLEM, f"`serve` will refuse to listen on {settings.host}", do)
    family = socket.AF_INET6 if settings.host == "::1" else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((settings.host, settings.port))
        except OSError:
            do = "nothing, if that is `wellheard serve`; else `serve` takes the next free one, or set port"
            return Finding("port", NOTE, f"{settings.port} on {settings.host} is in use", do)
    return Finding(
        "port", OK, f"{settings.port} on {settings.host} is free" if settings.port else "any free one is taken"
    )


def _channels(settings: Settings) -> Iterator[Finding]:
    """Whether surveys can be sent; the mail server is tried, and gets no mail."""
    ready = {name: channel for name, channel in channels().items() if channel.carried and not channel.lacks(settings)}
    if "email" in ready:
        yield _mail(settings)
    elif settings.mail_host or settings.mail_from:
        lacking = channels()["email"].lacks(settings)
        yield Finding("mail", PROBLEM, f"{lacking} is not set", "set it, or leave all mail_* away")
    if ready and not settings.public_address:
        do = "set public_address to what the world calls this machine by, such as https://ask.example.com"
        yield Finding("surveys", PROBLEM, "letters would link to this machine alone", do)
    elif not ready:
        do = "set mail_host and mail_from, or a webhook; links, pages and the widget work without"
        yield Finding("surveys", NOTE, "no channel is set up, so that nothing is sent", do)
    else:
        yield Finding("surveys", OK, f"can be sent by {', '.join(ready)}")


def _mail(settings: Settings) -> Finding:
    server = MailServer(
        settings.mail_host, settings.mail_port, settings.mail_security, settings.mail_user,
        settings.mail_password.get_secret_value(), timeout=5.0,
    )  # fmt: skip
    try:
        greet(server, allow_internal=frozenset(settings.internal_hosts))
    except WellheardError as error:
        return Finding("mail", PROBLEM, error.message, error.hint or "look at mail_host, mail_port and mail_security")
    return Finding("mail", OK, f"{settings.mail_host}:{settings.mail_port} lets us in")


def _last(past: list[Import]) -> Finding:
    standing = [i for i in past if i.undone_at is None]
    if not standing:
        return Finding(
            "imports", NOTE, "nothing was imported yet", "wellheard import FILE --table NAME, or wellheard demo"
        )
    last = max(standing, key=lambda i: i.taken_at)
    rejected = sum(t["rejected"] for t in last.tables)
    words = f"{len(standing)}, the last {last.import_id} from {last.source} ({', '.join(last.files)})"
    if not rejected:
        return Finding("imports", OK, words)
    do = "the reasons are in the rejects folder; mend the rows and import the file again"
    return Finding("imports", NOTE, f"{words}, in which {rejected:,} rows were rejected", do)


def _now() -> datetime:
    return datetime.now(UTC)
