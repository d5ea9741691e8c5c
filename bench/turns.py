"""Times one thing in a process of its own, several turns, and says how much memory it took at the most.

`timed` starts `python -m bench.turns` with a task, MODULE:FUNCTION. The function is given its arguments once
and returns what one turn does; starting and preparing are not in the time. What the last turn gave comes back,
so that it can be checked.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
TURNS = 3


@dataclass(frozen=True)
class Turns:
    """Seconds of each turn, the most memory that the process held (MB), and what the last turn gave."""

    seconds: tuple[float, ...]
    peak_mb: float
    given: Any = None

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def first(self) -> float:
        return self.seconds[0]


class Failed(Exception):
    """A timed process ended with an error; its last words."""


def timed(task: str, *arguments: Any, turns: int = TURNS, limit: float = 900.0) -> Turns:
    """Times `task`, `module:function`, with arguments that JSON can hold; raises Failed where it does not end well."""
    with tempfile.TemporaryDirectory(prefix="wellheard-bench-") as folder:
        call, out = Path(folder) / "call.json", Path(folder) / "out.json"
        call.write_text(json.dumps({"task": task, "arguments": arguments, "turns": turns, "out": str(out)}), "utf-8")
        command = [sys.executable, "-m", "bench.turns", str(call)]
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            raise Failed(f"{task}: not done after {limit:.0f} s") from None
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f"ended with {done.returncode}"]
            raise Failed(f"{task}: {last[0]}")
        found = json.loads(out.read_text("utf-8"))
    return Turns(tuple(found["seconds"]), found["peak_mb"], found["given"])


def peak_mb(pid: int | str = "self") -> float:
    """The most memory that a process has held, in MB; the kernel counts it."""
    return _memory(pid, "VmHWM")


def now_mb(pid: int | str = "self") -> float:
    """The memory that a process holds now, in MB."""
    return _memory(pid, "VmRSS")


def _memory(pid: int | str, name: str) -> float:
    with suppress(OSError):
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        if found:
            return int(found[1]) / 1024
    return 0.0


def watched(pid: int, stop: threading.Event) -> list[float]:
    """The memory of a process every 50 ms until `stop` is set, in MB."""
    seen = []
    while not stop.wait(0.05):
        seen.append(now_mb(pid))
    return seen


def counting(step: int) -> Callable[[], int]:
    """A turn that takes no time: it counts on by a step. With it the timing itself is tried out."""
    turns = count(step, step)
    return lambda: next(turns)


def _run(call: dict[str, Any]) -> None:
    module, _, name = call["task"].partition(":")
    turn: Callable[[], Any] = getattr(importlib.import_module(module), name)(*call["arguments"])
    seconds, given = [], None
    for _ in range(call["turns"]):
        started = time.perf_counter()
        given = turn()
        seconds.append(time.perf_counter() - started)
    told = {"seconds": seconds, "peak_mb": peak_mb(), "given": given}
    Path(call["out"]).write_text(json.dumps(told, default=str), "utf-8")


if __name__ == "__main__":
    _run(json.loads(Path(sys.argv[1]).read_text("utf-8")))
