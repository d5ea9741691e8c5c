"""Hooks as they are kept: whose events are taken in at which address, and which were heard already.

The secrets lie sealed. A new one stands beside the old one until that is dropped, so that the other side can change
over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from wellheard.base.errors import BadCall, Unknown
from wellheard.store.followup import CASES, CONNECTIONS, DELIVERIES, HEARD_EVENTS, HOOKS
from wellheard.store.tokens import hashed, new_id
from wellheard.store.vault import Vault

NAME = re.compile(r"[\w-]{1,60}")
REMEMBERED = timedelta(days=30)  # far longer than a signature is good for, so that nothing heard comes back


@dataclass(frozen=True)
class KeptHook:
    """One address at which another system tells us what happened. `secrets` are shown by no repr."""

    id: str
    name: str
    scheme: str
    secrets: tuple[str, ...] = field(repr=False)
    made_at: datetime
    changed_at: datetime
    heard_at: datetime | None


def keep_hook(
    con: sa.Connection, workspace: str, vault: Vault, name: str, scheme: str, secret: str, now: datetime
) -> str:
    """Makes a hook; gives its id, which stands in its address. Raises BadCall where there is one of that name."""
    if not NAME.fullmatch(name):
        raise BadCall(f"{name!r} is no name for a hook", hint="letters, digits, - and _", field="name")
    if con.scalar(sa.select(HOOKS.c.hook_id).where(_called(workspace, name))) is not None:
        hint = f"`wellheard hooks rotate {name}` gives it a new secret, `wellheard hooks remove {name}` ends it"
        raise BadCall(f"there is a hook {name!r} already", hint=hint, field="name")
    id = new_id()
    values = {"workspace": workspace, "name": name, "scheme": scheme, "secrets": vault.seal([secret])}
    con.execute(HOOKS.insert().values(hook_id=id, made_at=now, changed_at=now, **values))
    return id


def hook_at(con: sa.Connection, workspace: str, vault: Vault, id: str) -> KeptHook:
    """The hook of an address. Raises Unknown."""
    row = con.execute(sa.select(HOOKS).where((HOOKS.c.workspace == workspace) & (HOOKS.c.hook_id == id))).mappings()
    if (found := row.first()) is None:
        raise Unknown("there is no such hook", hint="`wellheard hooks list` shows the addresses")
    return _hook(found, vault)


def hooks(con: sa.Connection, workspace: str, vault: Vault) -> dict[str, KeptHook]:
    """A workspace's hooks by name."""
    rows = con.execute(sa.select(HOOKS).where(HOOKS.c.workspace == workspace).order_by(HOOKS.c.name)).mappings()
    return {row["name"]: _hook(row, vault) for row in rows}


def rotate_hook(con: sa.Connection, workspace: str, vault: Vault, name: str, secret: str, now: datetime) -> None:
    """Puts a new secret in front of the newest; both hold, and an older one no more. Raises Unknown."""
    kept = _named(con, workspace, vault, name)
    _keep_secrets(con, vault, kept.id, (secret, kept.secrets[0]), now)


def drop_old_secret(con: sa.Connection, workspace: str, vault: Vault, name: str, now: datetime) -> None:
    """Lets the newest secret alone hold. Raises Unknown."""
    kept = _named(con, workspace, vault, name)
    _keep_secrets(con, vault, kept.id, kept.secrets[:1], now)


def remove_hook(con: sa.Connection, workspace: str, name: str) -> None:
    """Forgets a hook; what is sent to its address is refused from now on. Raises Unknown."""
    id = con.scalar(sa.select(HOOKS.c.hook_id).where(_called(workspace, name)))
    if id is None:
        raise _unknown(name)
    con.execute(HEARD_EVENTS.delete().where(HEARD_EVENTS.c.hook_id == id))
    con.execute(HOOKS.delete().where(HOOKS.c.hook_id == id))


def note_heard(con: sa.Connection, hook_id: str, event_id: str, now: datetime) -> bool:
    """Notes that an event was heard; gives whether it is the first time. What a hook hears is taken in one by one."""
    h, hash = HEARD_EVENTS.c, hashed(event_id)
    con.execute(sa.select(HOOKS.c.hook_id).where(HOOKS.c.hook_id == hook_id).with_for_update())
    if con.scalar(sa.select(h.heard_at).where((h.hook_id == hook_id) & (h.event_hash == hash))) is not None:
        return False
    con.execute(HEARD_EVENTS.delete().where(h.heard_at < now - REMEMBERED))
    con.execute(HEARD_EVENTS.insert().values(hook_id=hook_id, event_hash=hash, heard_at=now))
    con.execute(HOOKS.update().where(HOOKS.c.hook_id == hook_id).values(heard_at=now))
    return True


def cases_of_ticket(con: sa.Connection, workspace: str, system: str, hook: str, ticket: str) -> list[int]:
    """The cases that a ticket of a help desk belongs to: those that it was opened for, and those about it.

    Where the hook bears the name of a connection, tickets that we opened there are meant; else those of the system.
    """
    if not system:
        return []
    d, n, c = DELIVERIES.c, CONNECTIONS.c, CASES.c
    places = sa.select(n.name).where((n.workspace == workspace) & (n.channel == system))
    names = set(con.scalars(places))
    names = {hook} if hook in names else names
    ours = (d.workspace == workspace) & (d.kind == "ticket") & (d.remote_id == ticket) & d.connection.in_(names)
    found = {int(number) for number in con.scalars(sa.select(d.case_number).where(ours)) if number is not None}
    about = sa.select(c.number, c.details).where((c.workspace == workspace) & (c.conversation_id == ticket))
    for number, details in con.execute(about):
        if system in str(json.loads(details).get("source") or "").lower():
            found.add(int(number))
    return sorted({_whole(con, number) for number in found})


def reseal_hooks(con: sa.Connection, vault: Vault) -> int:
    """Seals every hook's secrets with the newest key; gives how many hooks there are."""
    rows = con.execute(sa.select(HOOKS.c.hook_id, HOOKS.c.secrets)).all()
    for id, secrets in rows:
        con.execute(HOOKS.update().where(HOOKS.c.hook_id == id).values(secrets=vault.resealed(secrets)))
    return len(rows)


def _whole(con: sa.Connection, number: int) -> int:
    """The case that this one was merged into, if it was."""
    for _ in range(100):
        into = con.scalar(sa.select(CASES.c.merged_into).where(CASES.c.number == number))
        if into is None:
            break
        number = int(into)
    return number


def _keep_secrets(con: sa.Connection, vault: Vault, id: str, secrets: tuple[str, ...], now: datetime) -> None:
    con.execute(HOOKS.update().where(HOOKS.c.hook_id == id).values(secrets=vault.seal(secrets), changed_at=now))


def _named(con: sa.Connection, workspace: str, vault: Vault, name: str) -> KeptHook:
    row = con.execute(sa.select(HOOKS).where(_called(workspace, name))).mappings().first()
    if row is None:
        raise _unknown(name)
    return _hook(row, vault)


def _called(workspace: str, name: str) -> sa.ColumnElement[bool]:
    return (HOOKS.c.workspace == workspace) & (HOOKS.c.name == name)


def _unknown(name: str) -> Unknown:
    return Unknown(f"there is no hook {name!r}", hint="`wellheard hooks list` shows those there are", field="name")


def _hook(row: Mapping[Any, Any], vault: Vault) -> KeptHook:
    names = ("name", "scheme", "made_at", "changed_at", "heard_at")
    return KeptHook(id=row["hook_id"], secrets=tuple(vault.open(row["secrets"])), **{name: row[name] for name in names})
