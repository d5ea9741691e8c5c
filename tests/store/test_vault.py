"""Secrets are sealed, the key is its owner's alone, and a key can be replaced."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from wellheard.base.errors import BrokenHome
from wellheard.base.settings import Settings
from wellheard.store.vault import FILE, Vault, new_key, open_vault


def test_s16_the_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    sealed = open_vault(tmp_path, Settings()).seal({"token": "xoxb-marker"})
    assert "marker" not in sealed
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert open_vault(tmp_path, Settings()).open(sealed) == {"token": "xoxb-marker"}
    # The library itself, with the key of the file, opens it: it is what it says it is.
    assert Fernet((tmp_path / FILE).read_text().strip()).decrypt(sealed.encode()) == b'{"token":"xoxb-marker"}'


def test_s16_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    open_vault(tmp_path, Settings())
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(BrokenHome, match="others than its owner"):
        open_vault(tmp_path, Settings())


def test_s16_a_new_key_in_front_opens_the_old_and_seals_anew(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    sealed = Vault((old,)).seal("sesame")
    both = open_vault(tmp_path, Settings(secret_keys=SecretStr(f"{new}, {old}")))
    assert both.open(sealed) == "sesame"
    assert Vault((new,)).open(both.resealed(sealed)) == "sesame"
    with pytest.raises(BrokenHome, match="another key"):
        Vault((new,)).open(sealed)
    assert not (tmp_path / FILE).exists()


def test_a_key_that_is_none_is_told_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(BrokenHome) as refused:
        open_vault(tmp_path, Settings(secret_keys=SecretStr("tooshort-marker")))
    assert "marker" not in str(refused.value)
