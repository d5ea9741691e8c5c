"""Connections: where messages can be sent, each with its settings in the open and its secrets sealed.

A connection that takes nothing for five days is disabled, so that what waits for it stands still until a person looks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from wellheard.base.errors import BadCall, Unknown
from wellheard.store.followup import CONNECTIONS
from wellheard.store.vault import Vault

PATIENCE = timedelta(days=5)  # of nothing but failures, after which a connection is disabled


@dataclass(frozen=True)
class Connection:
    """One place that messages go to. `secrets` are shown by no repr and reach no log."""

    name: str
    channel: str
    settings: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    changed_at: datetime
    worked_at: datetime | None = None
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    failure: str | None = None

    @property
    def all_settings(self) -> dict[str, str]:
        """Settings and secrets together, for the channel alone."""
        return {**self.settings, **self.secrets}


def keep_connection(
    con: sa.Connection,
    workspace: str,
    vault: Vault,
    name: str,
    channel: str,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    now: datetime,
) -> None:
    """Keeps a connection in place of one of that name; it begins anew, as if nothing had failed."""
    values = {
        "channel": channel,
        "settings": json.dumps(dict(settings), ensure_ascii=False),
        "secrets": vault.seal(dict(secrets)),
        "changed_at": now,
        "failing_since": None,
        "disabled_at": None,
        "failure": None,
    }
    t, mine = CONNECTIONS, (CONNECTIONS.c.workspace == workspace) & (CONNECTIONS.c.name == name)
    if not con.execute(t.update().where(mine).values(**values)).rowcount:
        con.execute(t.insert().values(workspace=workspace, name=name, made_at=now, **values))


def connections(con: sa.Connection, workspace: str, vault: Vault) -> dict[str, Connection]:
    """A workspace's connections by name."""
    t = CONNECTIONS
    rows = con.execute(t.select().where(t.c.workspace == workspace).order_by(t.c.name)).mappings()
    return {row["name"]: _connection(row, vault) for row in rows}


def connection(con: sa.Connection, workspace: str, vault: Vault, name: str) -> Connection:
    """One connection. Raises Unknown."""
    t = CONNECTIONS
    found = con.execute(t.select().where((t.c.workspace == workspace) & (t.c.name == name))).mappings().first()
    if found is None:
        hint = "connect it on the page /deliveries, or with `wellheard deliveries connect`"
        raise Unknown(f"there is no connection {name!r}", hint=hint, field="through")
    return _connection(found, vault)


def remove_connection(con: sa.Connection, workspace: str, name: str) -> None:
    """Forgets a connection and its secrets. Raises Unknown."""
    t = CONNECTIONS
    if not con.execute(t.delete().where((t.c.workspace == workspace) & (t.c.name == name))).rowcount:
        raise Unknown(f"there is no connection {name!r}", hint="it may be gone already", field="name")


def enable_connection(con: sa.Connection, workspace: str, name: str) -> None:
    """Lets a disabled connection be tried again."""
    t = CONNECTIONS
    mine = (t.c.workspace == workspace) & (t.c.name == name)
    if not con.execute(t.update().where(mine).values(disabled_at=None, failing_since=None)).rowcount:
        raise BadCall(f"there is no connection {name!r}", hint="look at the list of connections", field="name")


def note_worked(con: sa.Connection, workspace: str, name: str, now: datetime) -> None:
    """Notes that a connection took something."""
    t = CONNECTIONS
    told = t.update().where((t.c.workspace == workspace) & (t.c.name == name))
    con.execute(told.values(worked_at=now, failing_since=None, failure=None))


def note_failed(con: sa.Connection, workspace: str, name: str, failure: str, now: datetime) -> bool:
    """Notes that a connection took nothing; gives whether it was disabled for it just now."""
    t = CONNECTIONS
    mine = (t.c.workspace == workspace) & (t.c.name == name)
    row = con.execute(t.select().where(mine)).mappings().first()
    if row is None:
        return False
    since = row["failing_since"] or now
    gives_up = row["disabled_at"] is None and now - since >= PATIENCE
    disabled_at = now if gives_up else row["disabled_at"]
    con.execute(t.update().where(mine).values(failing_since=since, failure=failure, disabled_at=disabled_at))
    return gives_up


def reseal(con: sa.Connection, vault: Vault) -> int:
    """Seals every connection's secrets with the newest key; gives how many there are."""
    t = CONNECTIONS
    rows = con.execute(t.select().where(t.c.secrets.is_not(None))).mappings().all()
    for row in rows:
        mine = (t.c.workspace == row["workspace"]) & (t.c.name == row["name"])
        con.execute(t.update().where(mine).values(secrets=vault.resealed(row["secrets"])))
    return len(rows)


def _connection(row: Mapping[Any, Any], vault: Vault) -> Connection:
    names = ("name", "channel", "changed_at", "worked_at", "failing_since", "disabled_at", "failure")
    return Connection(
        settings=json.loads(row["settings"]),
        secrets=vault.open(row["secrets"]) if row["secrets"] else {},
        **{name: row[name] for name in names},
    )
