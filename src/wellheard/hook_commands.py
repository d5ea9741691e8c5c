"""The commands of hooks: the addresses at which help desks tell what became of tickets, and their secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

Open = Callable[[], AbstractContextManager[Any]]
Name = Annotated[str, typer.Argument(help="The hook's name.")]
LISTED = ("hook", "scheme", "address", "secrets", "heard_at")


def register(app: typer.Typer, open_workspace: Open) -> None:
    """Adds the commands to the program's; `open_workspace` gives the workspace that was asked for."""
    hooks = typer.Typer(no_args_is_help=True, help="Hooks: addresses at which help desks tell what became of tickets.")
    app.add_typer(hooks, name="hooks")
    _looking(hooks, open_workspace)
    _changing(hooks, open_workspace)


def _looking(hooks: typer.Typer, open_workspace: Open) -> None:
    @hooks.command("list")
    def list_(format: Annotated[str, typer.Option("--format", help="table, json or csv.")] = "table") -> None:
        """List the hooks with their addresses, without their secrets."""
        from wellheard.console import print_objects
        from wellheard.store.hooks import hooks as kept

        with open_workspace() as workspace, _opened(workspace) as (store, vault), store.reading() as con:
            found = kept(con, workspace.name, vault)
            listed = [
                {
                    "hook": hook.name,
                    "scheme": hook.scheme,
                    "address": _address(workspace, hook.id),
                    "secrets": len(hook.secrets),
                    "heard_at": hook.heard_at.isoformat(timespec="seconds") if hook.heard_at else None,
                }
                for hook in found.values()
            ]
        print_objects(listed, format, LISTED)

    @hooks.command()
    def schemes() -> None:
        """Say which systems can tell us something, and how each is set up."""
        from wellheard.actions.hook import schemes as known

        for name, scheme in known().items():
            typer.echo(f"{name} ({scheme.title}): {scheme.use}\n")


def _changing(hooks: typer.Typer, open_workspace: Open) -> None:
    @hooks.command()
    def add(
        name: Annotated[
            str, typer.Argument(help="Its name here; that of a connection means the tickets opened there.")
        ],
        scheme: Annotated[str, typer.Argument(help="Whose calls it takes; `wellheard hooks schemes` lists them.")],
    ) -> None:
        """Make an address for a help desk, and show what to set up there."""
        from wellheard.actions.hook import scheme_called
        from wellheard.store.hooks import keep_hook

        chosen = scheme_called(scheme)
        secret = _secret(chosen)
        with open_workspace() as workspace, _opened(workspace) as (store, vault):
            with store.writing() as con:
                id = keep_hook(con, workspace.name, vault, name, scheme, secret, datetime.now(UTC))
            typer.echo(f"address  {_address(workspace, id)}")
        _show(chosen, secret)
        typer.echo(chosen.use)

    @hooks.command()
    def rotate(
        name: Name,
        finish: Annotated[bool, typer.Option("--finish", help="Let the newest secret alone hold.")] = False,
    ) -> None:
        """Give a hook a new secret; the one before it holds as well, until --finish."""
        from wellheard.actions.hook import scheme_called
        from wellheard.base.errors import Unknown
        from wellheard.store import hooks as kept

        with open_workspace() as workspace, _opened(workspace) as (store, vault):
            with store.reading() as con:
                there = kept.hooks(con, workspace.name, vault)
            if name not in there:
                raise Unknown(f"there is no hook {name!r}", hint="`wellheard hooks list` shows them", field="name")
            now, chosen = datetime.now(UTC), scheme_called(there[name].scheme)
            if finish:
                with store.writing() as con:
                    kept.drop_old_secret(con, workspace.name, vault, name, now)
                return
            secret = _secret(chosen)
            with store.writing() as con:
                kept.rotate_hook(con, workspace.name, vault, name, secret, now)
        _show(chosen, secret)

    @hooks.command()
    def remove(name: Name) -> None:
        """End a hook; what is sent to its address is refused from then on."""
        from wellheard.store.hooks import remove_hook

        with open_workspace() as workspace, _opened(workspace) as (store, _), store.writing() as con:
            remove_hook(con, workspace.name, name)


def _secret(scheme: Any) -> str:
    """A secret of our making, or that of the other system, asked for so that no history keeps it."""
    if scheme.draws is not None:
        return str(scheme.draws())
    from wellheard.base.errors import BadCall

    given = str(typer.prompt(f"{scheme.title}'s secret", hide_input=True)).strip()
    if len(given) < 16:
        raise BadCall("the secret has fewer than 16 characters", hint="copy it whole", field="secret")
    return given


def _show(scheme: Any, secret: str) -> None:
    if scheme.draws is not None:
        typer.echo(f"secret   {secret}  (shown this once)")


def _address(workspace: Any, id: str) -> str:
    from wellheard.following import public_address_of
    from wellheard.web.public.hooks import PATH

    return f"{public_address_of(workspace)}{PATH}{id}"


@contextmanager
def _opened(workspace: Any) -> Iterator[Any]:
    from wellheard.store.store import open_store
    from wellheard.store.vault import open_vault

    store = open_store(workspace.home, workspace.settings)
    try:
        yield store, open_vault(workspace.home, workspace.settings)
    finally:
        store.close()
