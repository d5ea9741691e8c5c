"""`serve` and `demo` as a person starts them: in a process of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wellheard.app import Workspace
from wellheard.base.errors import BadCall, Refused
from wellheard.demo import fill, is_simulated
from wellheard.serving import recipe_text, serve
from wellheard.web.services import Draft

pytestmark = pytest.mark.slow  # everyday checks leave it out


@contextmanager
def started(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and everything it said up to its address."""
    command = [sys.executable, "-c", "from wellheard.cli import main; main()", "--home", str(home), "serve", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Wellheard is at" in line:
                break
        try:
            yield process, said
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_once_it_listens_and_stops_when_told(tmp_path: Path, stop: signal.Signals) -> None:
    with started(tmp_path, "--port", "0") as (process, said):
        found = re.fullmatch(r"Wellheard is at (http://127\.0\.0\.1:[0-9]+)\n", said)
        assert found is not None, said
        with urllib.request.urlopen(found.group(1) + "/health") as answer:
            assert answer.status == 200
        process.send_signal(stop)
        assert process.wait(timeout=60) == 0


def test_a_port_that_is_taken_gives_way_to_the_next(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started(tmp_path, "--port", str(port)) as (_, said):
            assert f"Port {port} is taken; using " in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com"])
def test_it_listens_on_this_machine_only(tmp_path: Path, host: str) -> None:
    with Workspace(tmp_path) as workspace, pytest.raises(Refused, match="this machine only"):
        serve(workspace, host, 0)


def test_the_demo_is_loaded_once_and_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Workspace(tmp_path) as workspace:
        fill(workspace, 100)
        assert is_simulated(workspace)
        before, snapshot = workspace.counts(), workspace.lake.snapshot()
        assert before["survey_responses"] > 50
        assert before["customers"] >= 100
        fill(workspace, 100)
        assert workspace.lake.snapshot() == snapshot
        assert "loaded already" in capsys.readouterr().out


def test_the_demo_never_mixes_with_own_data(tmp_path: Path) -> None:
    from wellheard.app import ImportCall

    file = tmp_path / "own.csv"
    file.write_text("kind,score,answered_at\nnps,9,2026-01-01\n")
    with Workspace(tmp_path / "home") as workspace:
        workspace.import_files(ImportCall(paths=(file,), table="survey_responses"))
        with pytest.raises(BadCall, match="never mix"):
            fill(workspace, 100)
        assert not is_simulated(workspace)


def test_a_recipe_escapes_whatever_a_column_is_called(tmp_path: Path) -> None:
    import tomllib

    odd = 'a"b\\c\n\x7f]\u2028😀='
    draft = Draft(tmp_path / "x.csv", "orders", odd, {"revenue": odd, f"attributes.{odd}": odd}, {"currency": odd})
    read = tomllib.loads(recipe_text(draft))
    assert read["source"] == odd
    (table,) = read["tables"]
    assert table["columns"] == {"revenue": odd, "currency": {"set": odd}, "attributes": {odd: odd}}
