"""`python -m bench [--size 1] [--only SUBJECT …]`: makes the data where they are missing, measures, and keeps."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import time
from pathlib import Path

from bench.data import Place, made
from bench.record import RESULTS, Record
from bench.report import text_of
from bench.turns import ROOT, Failed

SUBJECTS = (
    "scorecard",
    "alternatives",
    "refresh",
    "imports",
    "serving",
    "memory",
    "answers",
    "following",
    "sizes",
    "lifetimes",
    "scoring",
)


def main() -> int:
    """Measures what is asked for; 1 where a subject could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", type=float, default=1.0, help="1 is 1 M answers; 0.01 tries the bench out")
    parser.add_argument("--only", nargs="*", default=[], help=f"some of {', '.join(SUBJECTS)}")
    given = parser.parse_args()
    wanted = [s for s in SUBJECTS if not given.only or s in given.only]
    unknown = set(given.only) - set(SUBJECTS)
    if unknown:
        parser.error(f"no subject {', '.join(sorted(unknown))}: there are {', '.join(SUBJECTS)}")
    place, failed = made(given.size), []
    for subject in wanted:
        started = time.perf_counter()
        try:
            path = _measured(subject, place)
        except Failed as error:
            failed.append(subject)
            print(f"\n## {subject}: could not be measured: {error}\n", flush=True)
            continue
        print(text_of(path), f"\n({time.perf_counter() - started:.0f} s)\n", flush=True)
    return 1 if failed else 0


def _measured(subject: str, place: Place) -> Path:
    """Measures a subject and gives the file that holds what was found."""
    if subject == "answers":  # it has no data of a size: it writes its own
        done = subprocess.run([sys.executable, "-m", "bench.answers"], cwd=ROOT, check=False)
        if done.returncode:
            raise Failed(f"bench.answers ended with {done.returncode}")
        return RESULTS / "answers.json"
    record: Record = importlib.import_module(f"bench.{subject}").measure(place)
    record.write()
    return record.path


if __name__ == "__main__":
    sys.exit(main())
