"""The data sets that nobody here wrote come in whole: as many rows and columns as their descriptions say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wellheard.base.errors import Ambiguous
from wellheard.sources.files import detect, open_file

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TOLD = re.compile(r"^### (\S.*): ([\d,]+) rows, (\d+) columns", re.MULTILINE)


def described() -> list[tuple[Path, int, int]]:
    """Each file with the rows and columns of its README."""
    return [
        (page.parent / name, int(rows.replace(",", "")), int(columns))
        for page in sorted(DATA.glob("*/README.md"))
        for name, rows, columns in TOLD.findall(page.read_text())
        if (page.parent / name).exists()
    ]


pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data sets are not here")


@pytest.mark.parametrize(
    ("path", "rows", "columns"), [pytest.param(*one, id=f"{one[0].parent.name}/{one[0].name}") for one in described()]
)
def test_I11_dataset_has_the_rows_its_readme_tells(path: Path, rows: int, columns: int) -> None:
    file = open_file(path)
    assert len(file.columns) == columns
    assert sum(batch.num_rows for batch in file.batches()) == rows
    assert file.bad_rows == []


def test_I11_many_datasets_are_read() -> None:
    assert len(described()) >= 30


def test_I11_workbook_holds_what_its_csv_holds() -> None:
    """The workbook is the CSV with two columns more, made by other hands."""
    folder = DATA / "telco_churn_ibm"
    book, text = open_file(folder / "02 Churn-Dataset.xlsx"), open_file(folder / "Telco-Customer-Churn.csv.gz")
    shared = [name for name in text.columns if name != "TotalCharges"]
    first, second = (
        [row for batch in file.batches() for row in batch.select(shared).to_pylist()] for file in (book, text)
    )
    assert len(first) == 7_043
    as_numbers = [{**row, "MonthlyCharges": float(row["MonthlyCharges"])} for row in first]
    assert as_numbers == [{**row, "MonthlyCharges": float(row["MonthlyCharges"])} for row in second]


def test_I11_a_log_without_names_is_asked_about() -> None:
    path = DATA / "cdnow_sample" / "CDNOW_sample.txt.gz"
    with pytest.raises(Ambiguous):
        open_file(path)
    file = open_file(path, detect(path, header=False))
    assert sum(batch.num_rows for batch in file.batches()) == 6_919
