"""Pages of a running server: asked for before, asked anew, and ten readers with ten filters.

The server is a process of its own; the readers share the machine with it. `wrk` reads what was asked for before, a
small client what is computed.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import httpx

import wellheard
from bench.data import END, START, Place, scratch
from bench.record import Bar, Figure, Record, Table
from bench.refresh import shared
from bench.turns import ROOT, Failed, now_mb, watched
from wellheard.app import ImportCall

READERS, SECONDS, ANEW = 10, 8, 5
READY = re.compile(r"Wellheard is at (http://\S+)")
SCORECARD = "/?wait=true"
QUESTION = f"/api/v1/kpis/nps?by=segment&grain=month&from={START}&to={END}&where="
FILTERS = tuple(f"score >= {score}" for score in range(READERS))
SCRIPT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(95), e.status + e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True)
class Server:
    """A running server: where it answers, and its process."""

    address: str
    pid: int


@dataclass(frozen=True)
class Waits:
    """How long readers waited, in milliseconds, and how many pages a second came."""

    p50: float
    p95: float
    rate: float

    def figure(self, what: str) -> Figure:
        return Figure(what, more={"p50 ms": self.p50, "p95 ms": self.p95, "pages/s": self.rate})


@contextmanager
def served(home: Path) -> Iterator[Server]:
    """A server over a home on a free port; ends with the block."""
    command = [
        sys.executable,
        "-c",
        "from wellheard.cli import main; main()",
        "--home",
        str(home),
        "serve",
        "--port",
        "0",
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield Server(_address(process), process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        found = READY.search(line)
        if found:
            threading.Thread(target=process.stdout.read, daemon=True).start()  # a full pipe would stop the server
            return found[1]
    raise Failed(f"the server did not start: {''.join(said)[-300:]}")


def measure(place: Place) -> Record:
    """Reads pages of a server over a copy of the workspace."""
    with scratch(place, "serving") as folder:
        home = folder / "home"
        shutil.copytree(place.home, home, copy_function=shared)
        with served(home) as server:
            cold = asyncio.run(_read(server.address, [SCORECARD], 1))
            again = kept(server.address + "/")
            page = kept(server.address + "/kpi/nps")
            anew = _anew(server.address, home)
            ten = asyncio.run(_read(server.address, [QUESTION + words for words in FILTERS], READERS))
    bars = (
        Bar("scorecard asked for before, 10 readers, p95 ≤ 20 ms", again.p95, 20),
        Bar("scorecard asked anew, one reader ≤ 200 ms", anew.p50, 200),
        Bar("ten readers with ten filters, p95 ≤ 600 ms", ten.p95, 600),
    )
    figures = (
        again.figure("scorecard, asked for before, 10 readers"),
        page.figure("a KPI's page, asked for before, 10 readers"),
        cold.figure("scorecard, first page of a new server, one reader"),
        anew.figure("scorecard, asked anew after new data, one reader"),
        ten.figure("NPS by month and segment over HTTP, ten readers with ten filters"),
    )
    notes = ("Asked anew: the tiles' marks and sparklines included, every answer computed again after an import.",)
    return Record("serving", place.size, (Table("Waiting for pages", figures),), bars, notes)


def kept(address: str) -> Waits:
    """Ten readers who ask for a page that was computed before."""
    httpx.get(address, timeout=600).raise_for_status()
    time.sleep(3)  # what is computed for later is done
    if shutil.which("wrk") is None:
        return asyncio.run(_read(address, [""] * 200, READERS))
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        command = ["wrk", "-t1", f"-c{READERS}", f"-d{SECONDS}s", "-s", script.name, address]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
    if not found or int(found[5]):
        raise Failed(f"wrk: {done.stdout[-300:]}{done.stderr[-300:]}")
    requests, duration, p50, p95, _ = (int(each) for each in found.groups())
    return Waits(p50 / 1000, p95 / 1000, requests / duration * 1e6)


def _anew(address: str, home: Path) -> Waits:
    """One reader, after another process has taken in a single row each time."""
    waits = []
    for number in range(ANEW):
        path = home / f"one-{number}.csv"
        path.write_text(f"source_id,started_at,visitor_id\none-{number},2026-10-01T12:00:00Z,one-{number}\n", "utf-8")
        with wellheard.open(home) as workspace:
            workspace.import_files(ImportCall(paths=(path,), table="visits", source="one"))
        waits.append(asyncio.run(_read(address, [SCORECARD], 1)).p50)
    return Waits(*_middle(waits), 1000 * len(waits) / sum(waits))


async def _read(address: str, pages: list[str], readers: int) -> Waits:
    """So many readers ask for the pages between them, one after the other."""
    waiting, waits = list(pages), []

    async def reader(client: httpx.AsyncClient) -> None:
        while waiting:
            path, started = waiting.pop(), time.perf_counter()
            (await client.get(address + path)).raise_for_status()
            waits.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    async with httpx.AsyncClient(timeout=600) as client:
        await asyncio.gather(*(reader(client) for _ in range(readers)))
    return Waits(*_middle(waits), len(waits) / (time.perf_counter() - started))


def _middle(waits: list[float]) -> tuple[float, float]:
    """The middle of the waits, and what 95 of 100 stay below."""
    if len(waits) == 1:
        return waits[0], waits[0]
    cuts = quantiles(waits, n=20, method="inclusive")
    return cuts[9], cuts[18]


def at_work(server: Server) -> tuple[float, float]:
    """The memory of a server in MB: idle, and the most while ten readers ask for much."""
    time.sleep(3)
    idle, stop = now_mb(server.pid), threading.Event()
    seen: list[float] = []
    watcher = threading.Thread(target=lambda: seen.extend(watched(server.pid, stop)))
    watcher.start()
    names = [kpi["name"] for kpi in httpx.get(server.address + "/api/v1/kpis", timeout=600).json()["data"]]
    pages = [f"/api/v1/kpis/{name}?by=segment&grain=month" for name in names]
    asyncio.run(_read(server.address, [SCORECARD, *pages], READERS))
    stop.set()
    watcher.join()
    return idle, max([idle, *seen])
