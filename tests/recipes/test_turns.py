"""The turns of the recipe language that real files asked for: each on rows of which every outcome is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wellheard.app import ImportCall, Workspace
from wellheard.base.errors import BadInput
from wellheard.sources.recipe import read_recipe
from wellheard.warehouse.load import Report

ROOT = Path(__file__).parents[2]

PEOPLE = 'id,made,score,kinds,talk,more,none\na,3,-2,"1,3",00:01:05,2.5,\nb,0,0.5,2,01:00:00,1,\nc,,7,,,0,\n'


class Bench:
    """A workspace into which files are imported by the text of a recipe, each time as another source."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workspace, self.turn = folder, Workspace(folder / "home"), 0

    def take(self, recipe: str, **files: str) -> Report:
        """Imports texts as files of those names."""
        self.turn += 1
        paths = []
        for name, text in files.items():
            paths.append(self.folder / f"{name}.csv")
            paths[-1].write_text(text, encoding="utf-8")
        return self.workspace.import_files(ImportCall(paths=tuple(paths), recipe=self.written(recipe)))

    def written(self, recipe: str) -> Path:
        """The recipe as a file."""
        toml = self.folder / "recipe.toml"
        toml.write_text(f'source = "s{self.turn}"\n[[tables]]\n{recipe}', encoding="utf-8")
        return toml

    def rows(self, columns: str, table: str) -> list[tuple[Any, ...]]:
        """What the last import brought, by key."""
        found = self.workspace.lake.con.execute(
            f"select {columns} from facts.main.{table} where source = 's{self.turn}' order by source_id"
        )
        return [tuple(row) for row in found.fetchall()]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One workspace for all turns."""
    made = Bench(tmp_path_factory.mktemp("turns"))
    with made.workspace:
        yield made


@pytest.mark.slow
def test_repeat_makes_rows_of_a_count(bench: Bench) -> None:
    how = 'table = "referrals"\nrepeat = "made"\n[tables.columns]\nreferrer_id = "id"\n'
    how += 'source_id = { text = "{id} {repeat}" }'
    assert bench.take(how, people=PEOPLE).rejected == 0
    assert bench.rows("source_id, referrer_id", "referrals") == [("a 1", "a"), ("a 2", "a"), ("a 3", "a")]


def test_bands_lists_lengths_and_sums(bench: Bench) -> None:
    bench.take(
        'table = "usage"\n[tables.columns]\nsource_id = "id"\ncustomer_id = { column = "id", cut = [1, 1] }\n'
        'feature = { column = "kinds", parts = ",", values = { 1 = "x", 2 = "y" }, otherwise = "z" }\n'
        'quantity = { added = ["more", { column = "talk", clock = true, times = 2 }] }\n'
        'attributes.band = { column = "score", bands = [[-2, "low"], [0, "middle"], [5, "high"]] }\n'
        'attributes.third = { column = "kinds", has = [3] }\n',
        people=PEOPLE,
    )
    found = bench.rows("feature, quantity, attributes['band'], attributes['third']", "usage")
    assert found == [("x,z", 132.5, "low", "true"), ("y", 7201.0, "middle", "false"), (None, None, "high", None)]


def test_a_number_below_all_bands_is_refused_by_its_column(bench: Bench) -> None:
    report = bench.take(
        'table = "text_scores"\n[tables.columns]\nsource_id = "id"\ntext_id = "id"\ntext_table = { set = "feedback" }\n'
        'sentiment = { column = "score", bands = [[0, "neutral"], [1, "positive"]] }',
        people=PEOPLE,
    )
    assert (report.rejected, report.reasons[0][0]) == (1, "sentiment '-2' is none of positive, neutral, negative")


def test_key_is_the_same_in_every_table(bench: Bench) -> None:
    bench.take(
        'table = "feedback"\n[tables.columns]\nbody = "id"\n[[tables]]\ntable = "text_scores"\n[tables.columns]\n'
        'text_id = { key = true }\ntext_table = { set = "feedback" }',
        people=PEOPLE + PEOPLE.splitlines()[1],
    )
    texts = [key for (key,) in bench.rows("source_id", "feedback")]
    assert len(set(texts)) == 4  # of two equal rows each counts
    assert sorted(key for (key,) in bench.rows("text_id", "text_scores")) == texts


def test_lookup_finds_the_rest_of_a_row(bench: Bench) -> None:
    how = (
        'table = "usage"\nfiles = "uses.csv"\nlookup = { files = "people.csv", on = "id" }\n[tables.columns]\n'
        'source_id = "use"\nfeature = "kinds"'
    )
    uses = "use,id\n1,a\n2,a\n3,b\n4,nobody\n"
    bench.take(how, people=PEOPLE, uses=uses)
    assert bench.rows("source_id, feature", "usage") == [("1", "1,3"), ("2", "1,3"), ("3", "2"), ("4", None)]
    with pytest.raises(BadInput, match="several rows of the file that is looked up have id a"):
        bench.take(how, people=PEOPLE + PEOPLE.splitlines()[1], uses=uses)
    with pytest.raises(BadInput, match="no file of that name is imported"):
        bench.take(how, uses=uses)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ('customer_id = { column = "id", cut = [3, 2] }', "holds nothing"),
        ('customer_id = { column = "id", bands = [[1, "a"], [0, "b"]] }', "do not rise"),
        ('source_id = "id"\ncustomer_id = { key = true }', "no `source_id`"),
    ],
)
def test_what_means_nothing_is_refused_before_a_row_is_read(bench: Bench, columns: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_recipe(bench.written(f'table = "usage"\n[tables.columns]\n{columns}'))


def test_every_recipe_stands_in_the_guide() -> None:
    folder = ROOT / "examples" / "recipes"
    guide = (folder / "README.md").read_text(encoding="utf-8")
    assert not [path.name for path in folder.glob("*.toml") if f"]({path.name})" not in guide]
