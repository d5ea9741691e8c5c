"""Seals what must not be read from the store's file: passwords, tokens, and what is about to be sent.

The key lies beside the store, in a file that its owner alone may read, or is given by the setting `secret_keys`. Of
several keys the first seals and all of them open, so that a key is replaced by putting a new one in front.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from wellheard.base.errors import BrokenHome
from wellheard.base.settings import Settings

FILE = "secret.key"


class Vault:
    """Seals and opens texts (Fernet: AES-128-CBC with HMAC-SHA-256)."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        try:
            self._ring = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise BrokenHome(
                "a key by which secrets are sealed cannot be read",
                hint="`wellheard deliveries key` prints a new one; put it in front of the old ones",
                field="secret_keys",
            ) from None

    def seal(self, value: Any) -> str:
        """A value of JSON as text that only the key opens."""
        return self._ring.encrypt(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()).decode()

    def open(self, sealed: str) -> Any:
        """What was sealed. Raises BrokenHome where none of the keys fits."""
        try:
            return json.loads(self._ring.decrypt(sealed.encode()))
        except InvalidToken:
            raise BrokenHome(
                "what was sealed with another key cannot be opened",
                hint=f"put back {FILE}, or add the old key at the end of the setting secret_keys",
                field="secret_keys",
            ) from None

    def resealed(self, sealed: str) -> str:
        """The same sealed with the first key, for when a key was replaced."""
        return self._ring.rotate(sealed.encode()).decode()


def open_vault(home: Path, settings: Settings) -> Vault:
    """The vault of a deployment; its key is made on first use. Raises BrokenHome where the key cannot be read."""
    given = settings.secret_keys.get_secret_value()
    if given.strip():
        return Vault(tuple(key.strip() for key in given.split(",") if key.strip()))
    return Vault(tuple(_kept(home / FILE).split()))


def new_key() -> str:
    """A key drawn at random."""
    return Fernet.generate_key().decode()


def _kept(path: Path) -> str:
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise BrokenHome(f"{path.name} cannot be written: {error.strerror}", hint=f"look at {path.parent}") from None
    with os.fdopen(made, "w", encoding="ascii") as file:
        file.write(new_key() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return _read(path)


def _read(path: Path) -> str:
    for _ in range(50):  # another process may be writing it just now
        try:
            if path.stat().st_mode & 0o077:
                raise BrokenHome(
                    f"others than its owner may read {path.name}", hint=f"chmod 600 {path}", field="secret_keys"
                )
            text = path.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise BrokenHome(f"{path.name} cannot be read: {error}", hint=f"look at {path}") from None
        if text.endswith("\n"):
            return text
        time.sleep(0.02)
    raise BrokenHome(f"{path.name} is empty", hint=f"remove {path} if no secrets were kept yet, else restore it")
