"""Scores every customer in the night, for as long as the server runs.

In a process of its own: it may take minutes of both cores, gives its memory back, and goes on where it was broken off
when next run, since each kind of score is kept once it is made.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from wellheard.app import Workspace

SCORE = "import os, sys; getattr(os, 'nice', int)(10); from wellheard.cli import main; main()"
LOOK = 1.0  # seconds between two looks at whether the server ends

_log = structlog.get_logger("wellheard.nightly")


def next_run(now: datetime, hour: int, zone: str) -> datetime:
    """The next time at which it is `hour` o'clock on the workspace's wall, after `now`."""
    wall = now.astimezone(ZoneInfo(zone))
    due = wall.replace(hour=hour, minute=0, second=0, microsecond=0)
    return due if due > wall else due + timedelta(days=1)


class Nightly:
    """Waits for the hour that is set, and scores; -1 never does."""

    def __init__(self, workspace: Workspace) -> None:
        self._home, self._name = str(workspace.home), workspace.name
        self._hour, self._zone = workspace.settings.score_hour, workspace.settings.time_zone
        self._ended = threading.Event()
        self._loop = threading.Thread(target=self._run, name="nightly", daemon=True)
        if self._hour >= 0:
            self._loop.start()

    def __enter__(self) -> Nightly:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._loop.is_alive():
            self._loop.join()

    def _run(self) -> None:
        zone = ZoneInfo(self._zone)
        due = next_run(datetime.now(zone), self._hour, self._zone)
        while not self._ended.wait(LOOK):
            if datetime.now(zone) >= due:
                self.score()
                due = next_run(datetime.now(zone), self._hour, self._zone)

    def score(self) -> int:
        """Runs the command that scores, and ends it when the server ends; gives its exit code."""
        call = [
            sys.executable,
            "-c",
            SCORE,
            "--home",
            self._home,
            "--workspace",
            self._name,
            "score",
            "--format",
            "json",
        ]
        running = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while running.poll() is None:
            if self._ended.wait(LOOK):
                running.terminate()
                break
        _, said = running.communicate()
        if running.returncode and not self._ended.is_set():
            last = said.decode(errors="replace").strip().splitlines()[-1:] or [""]
            _log.error("customers could not be scored", code=running.returncode, error=last[0][:200])
        return running.returncode
