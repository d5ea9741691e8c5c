"""Homes into which the public data sets were imported by their recipes, each once for a whole run."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wellheard.app import ImportCall, Workspace
from wellheard.metrics.catalogue import metrics

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
RECIPES = ROOT / "examples" / "recipes"
LONG = bool(os.environ.get("WELLHEARD_TEST_LONG"))

# What is imported by each recipe. In the ordinary run one file of several stands for the set.
FILES: dict[str, tuple[str, ...]] = {
    "sfo_airport_survey": ("20*.csv.gz",) if LONG else ("2017_SFO_Customer_Survey.csv.gz",),
    "ravenstack_saas": ("ravenstack_[!c]*.csv.gz",),  # who churned is read from the subscriptions
    "telco_churn_ibm": ("Telco-Customer-Churn.csv.gz",),
    "cdnow_sample": ("CDNOW_sample.txt.gz",),
    "goemotions": ("train.csv.gz", "dev.csv.gz") if LONG else ("dev.csv.gz",),
    "olist": ("olist_[!g]*.csv.gz",),  # without the places
}
QUICK = ("test_fed.py", "test_turns.py")  # these import no data set
HEADERS = {"cdnow_sample": 0}

Rows = list[dict[str, Any]]


def files_of(recipe: str) -> tuple[Path, ...]:
    """The files of a data set that are imported by its recipe."""
    found = [path for name in FILES.get(recipe, ("*.csv.gz", "*.parquet")) for path in (DATA / recipe).glob(name)]
    return tuple(sorted(found))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nearly all of these tests need an import, and all need the data."""
    without = pytest.mark.skip(reason="the public data sets are not beside the checkout (../shared/data)")
    for item in items:
        if item.path.parent == Path(__file__).parent:
            if item.path.name not in QUICK:
                item.add_marker(pytest.mark.slow)
            if not DATA.is_dir():
                item.add_marker(without)


@pytest.fixture(scope="session")
def csv() -> Callable[..., pd.DataFrame]:
    """Reads a file of the data as text, each once."""
    kept: dict[str, pd.DataFrame] = {}

    def read(name: str, **how: Any) -> pd.DataFrame:
        if name not in kept:
            kept[name] = pd.read_csv(DATA / name, dtype=str, keep_default_na=False, **how)
        return kept[name].copy()

    return read


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the public data sets."""
    return DATA


@pytest.fixture(scope="session")
def home_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The home of a data set, imported by whichever process comes first."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "recipes"
    shared.mkdir(exist_ok=True)

    def home(recipe: str) -> Path:
        made, done = shared / recipe, shared / f"{recipe}.done"
        with (shared / f"{recipe}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                with Workspace(made) as workspace:
                    call = ImportCall(
                        paths=files_of(recipe), recipe=RECIPES / f"{recipe}.toml", header=HEADERS.get(recipe)
                    )
                    report = workspace.import_files(call)
                assert not report.rejected, report.reasons
                done.touch()
        return made

    return home


@pytest.fixture(scope="session")
def homes(home_of: Callable[[str], Path]) -> Iterator[Callable[..., Callable[..., Rows]]]:
    """Asks the home of a data set: `homes("cdnow_sample")("revenue_per_user", grain="month")`."""
    opened: dict[tuple[object, ...], Workspace] = {}
    names = metrics()
    with ExitStack() as stack:

        def home(recipe: str, **settings: str) -> Callable[..., Rows]:
            key = (recipe, *settings.items())
            if key not in opened:
                with pytest.MonkeyPatch.context() as patch:
                    for name, value in settings.items():
                        patch.setenv(name, value)
                    opened[key] = stack.enter_context(Workspace(home_of(recipe)))

            def ask(kpi: str, **options: Any) -> Rows:
                assert kpi.partition(":")[0] in names
                return opened[key].kpi(kpi, **options).to_list()

            return ask

        yield home


@pytest.fixture(scope="session")
def same() -> Callable[..., None]:
    """Holds a row to a figure computed by hand: counts equal, floats to 1e-9."""

    def check(row: dict[str, Any], value: float, n: int, pending: int = 0) -> None:
        assert (row["n"], row["pending"]) == (n, pending), row
        assert row["value"] == pytest.approx(value, rel=1e-9, abs=1e-9), row

    return check


@pytest.fixture(scope="session")
def alike(same: Callable[..., None]) -> Callable[..., None]:
    """Holds the rows of a grouped answer to figures by group: `{group: (value, n)}`, the same groups and no others."""

    def check(rows: Rows, by: str, expected: dict[Any, tuple[Any, ...]]) -> None:
        found = {row[by]: row for row in rows}
        assert set(found) == set(expected)
        for group, figure in expected.items():
            same(found[group], *figure)

    return check
