"""What every known export keeps: it is recognised by its own files alone, and makes just the rows that it promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wellheard.app import ImportCall, Workspace
from wellheard.importing import OpenFile
from wellheard.sources.exports import exports, head_of, recognised
from wellheard.sources.exports.export import Sample

SAMPLES = [
    pytest.param(name, sample, id=f"{name}-{sample.file}")
    for name, export in exports().items()
    for sample in export.samples
]
NAMED_ONLY = {"wide"}  # any file could be one


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Workspace(tmp_path_factory.mktemp("exports")) as opened:
        yield opened


def _written(folder: Path, sample: Sample) -> Path:
    path = folder / sample.file
    path.write_text(sample.text, "utf-8")
    return path


def test_every_export_shows_a_file() -> None:
    assert [name for name, export in exports().items() if not export.samples] == []


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_it_is_recognised_and_taken_for_no_other(name: str, sample: Sample, tmp_path: Path) -> None:
    path = _written(tmp_path, sample)
    head = head_of(OpenFile(path, ImportCall(paths=(path,))))
    assert recognised(head) == (None if name in NAMED_ONLY else name)


def _rows(workspace: Workspace, table: str, source: str) -> list[dict[str, Any]]:
    con = workspace.lake.con
    lakes = {
        lake: [row[0] for row in con.execute(f"describe {lake}.main.{table}").fetchall()]
        for lake in ("facts", "personal")
        if con.execute(
            "select count(*) from duckdb_tables() where database_name = ? and table_name = ?", [lake, table]
        ).fetchone()
        != (0,)
    }
    own = [c for c in lakes.get("personal", ()) if c not in lakes["facts"]]
    more = "".join(f', p."{c}"' for c in own)
    beside = f"left join personal.main.{table} p using (id)" if own else ""
    cursor = con.execute(
        f"select f.*{more} from facts.main.{table} f {beside} where f.source = ? and not f.deleted", [source]
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _holds(row: dict[str, Any], expected: dict[str, str]) -> bool:
    return all(_said(row.get(name)) == value for name, value in expected.items())


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_its_rows_are_those_it_promises(name: str, sample: Sample, workspace: Workspace, tmp_path: Path) -> None:
    source = f"{name}_{Path(sample.file).stem}".replace(" ", "_")
    zone = None if exports()[name].title in ("Typeform", "Delighted", "Retently") else "UTC"
    zone = "America/Denver" if name == "qualtrics" else zone
    path = _written(tmp_path, sample)
    call = ImportCall(paths=(path,), export=name, source=source, tz=zone, questions=sample.told)
    report = workspace.import_files(call)
    assert not report.rejected, report.reasons
    for table, expected in sample.rows.items():
        left = _rows(workspace, table, source)
        assert len(left) == len(expected), left
        for row in expected:
            match = next((one for one in left if _holds(one, dict(row))), None)
            assert match is not None, (row, left)
            left.remove(match)
    again = workspace.import_files(call)
    assert {(c.new, c.changed) for c in again.tables} == {(0, 0)}


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_no_row_for_a_kpi_without_a_person_who_says_who_they_are_holds_an_address(
    name: str, sample: Sample, tmp_path: Path
) -> None:
    """An e-mail address is personal: it stands in personal columns, and in no key."""
    from wellheard.importing import intake

    path = _written(tmp_path, sample)
    given = intake(ImportCall(paths=(path,), export=name, tz="UTC", questions=sample.told))
    for delivery in given.deliveries:
        for batch in delivery.batches():
            for row in batch.to_pylist():
                public = {k: v for k, v in row.items() if k not in ("email", "name", "phone", "comment")}
                assert not any("@" in str(v) for v in public.values()), public
