"""What is true of the simulated company: its parameters, and the rates that the drawn rows should show on average."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wellheard.simulate import company as world
from wellheard.simulate.company import NAME, REGIONS, SEGMENTS, SHOCKS, Array, Company
from wellheard.simulate.lives import Lives


@dataclass
class Tally:
    """Sums of chances by month, segment and region: what the rows would show if chance played no part."""

    company: Company
    sums: dict[str, Array] = field(default_factory=dict)

    def add(self, name: str, month: Array, segment: Array, region: Array, values: Array) -> None:
        """Adds one value a row to the sum `name`; rows of a month outside the history are left out."""
        shape = (self.company.months, len(SEGMENTS), len(REGIONS))
        total = self.sums.setdefault(name, np.zeros(shape))
        kept = (month >= 0) & (month < self.company.months)
        np.add.at(total, (month[kept], segment[kept], region[kept]), values[kept])

    def add_churn(self, lives: Lives) -> None:
        """Adds the accounts at risk, those lost, and how many would be lost on average."""
        for name, values in (("at_risk", lives.at_risk), ("lost", lives.lost), ("expected", lives.expected)):
            self.sums[f"churn_{name}"] = self.sums.get(f"churn_{name}", 0) + values


def write_truth(path: Path, company: Company, tally: Tally, expectations: dict[str, Any]) -> Path:
    """Writes `truth.json`: parameters, what follows from them alone, and expected sums by month, segment and region."""
    truth = {
        **expectations,
        "simulated": True,
        "company": NAME,
        "arguments": {
            "customers": company.customers,
            "months": company.months,
            "seed": company.seed,
            "end": company.end.isoformat(),
        },
        "months": [company.day(month).isoformat() for month in range(company.months)],
        "incident": {"month": company.incident, "from": company.day(company.incident).isoformat()},
        "improvement": {"month": company.improvement, "from": company.day(company.improvement).isoformat()},
        "parameters": _parameters(),
        "expected": {"order": ["month", "segment", "region"], "sums": _rounded(tally.sums)},
    }
    path.write_text(json.dumps(truth, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def _parameters() -> dict[str, Any]:
    drivers = ("MOOD_ON_CHURN", "MOOD_ON_NPS", "MOOD_ON_USAGE", "MOOD_ON_ANSWERING", "WAIT_ON_CSAT", "REOPEN_ON_CSAT",
               "EARLY_CHURN")  # fmt: skip
    return {
        "segments": [asdict(segment) for segment in SEGMENTS],
        "regions": [asdict(region) for region in REGIONS],
        "shocks": {name: asdict(shock) for name, shock in SHOCKS.items()},
        "drivers": {name.lower(): getattr(world, name) for name in drivers},
        "season_by_calendar_month": world.SEASON.tolist(),
    }


def _rounded(sums: dict[str, Array]) -> dict[str, Any]:
    return {name: np.round(values, 6).tolist() for name, values in sums.items()}
