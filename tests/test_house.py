"""Holds the house: the order of rooms, siblings apart, libraries in their rooms, one new file for one new thing.

Imports are read from the source, so those inside functions and those for type checkers alone count as well. Each rule
is a function from a tree to what breaks it, and is shown small trees that break it, so that none of them passes because
it looks at nothing.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from wellheard.metrics.catalogue import metrics
from wellheard.tables.catalogue import tables

REPO = Path(__file__).parent.parent
ROOMS = (
    "base", "tables", "store", "sources", "surveys", "warehouse", "enrich", "metrics", "kpis", "insights", "reports",
    "actions", "web",
)  # fmt: skip
NARROW = {
    "kpis": {"base", "tables", "metrics", "kpis"},
    "web": {"base", "tables", "store", "surveys", "metrics", "insights", "reports", "actions", "web"},
    "simulate": {"base", "tables", "simulate"},
}
# The files that join rooms: app, cli and jobs, and the parts into which the command line is cut.
JOINING = {
    "__init__", "app", "cli", "jobs", "console", "serving", "demo", "doctor", "desk", "kpi_contract", "kpi_pages",
    "feeding", "import_console", "importing", "link_commands", "preview", "survey_commands", "text_commands",
    "reading_texts",
    "following", "followup_commands", "hook_commands",
    "score_commands", "scoring", "scored", "nightly",
    "asking", "asking_commands", "asking_service", "forecasting",
}  # fmt: skip
# Where things of a kind stand side by side; each file or folder in it is one of them.
KINDS = (
    "kpis",
    "insights",
    "sources",
    "sources/exports/systems",
    "surveys/questions",
    "surveys/channels",
    "surveys/triggers",
    "actions/channels",
    "actions/hooks",
    "actions/triggers",
)
LANGUAGE = {"table", "catalogue"}  # the files of `tables` that are no table

MODELS = ("enrich/", "insights/")
FENCES = {
    **dict.fromkeys(("duckdb", "clickhouse_connect", "chdb"), ("warehouse/",)),
    "ibis": ("warehouse/", "enrich/", "metrics/", "kpis/", "insights/"),
    "sqlalchemy": ("store/",),
    "alembic": ("store/",),
    "dbos": ("jobs.py",),
    **dict.fromkeys(
        ("httpx", "httpcore", "requests", "aiohttp", "urllib3", "urllib.request", "http.client"), ("base/egress.py",)
    ),
    "fastapi": ("web/",),
    "starlette": ("web/",),
    "uvicorn": ("web/", "serving.py"),
    **dict.fromkeys(("sklearn", "lifelines", "statsmodels"), MODELS),
    **dict.fromkeys(("onnxruntime", "tokenizers", "py3langid", "vaderSentiment"), ("enrich/",)),
}
VAGUE = re.compile(r"(utils?|helpers?|common|managers?|misc)")
LONGEST_FILE, LONG_FUNCTION, SHORT_ENOUGH = 450, 40, 0.95

# Written in pieces, so that this file does not break its own rule.
UNSAID = re.compile(
    "|".join(
        (
            "cl" + "aude", "anth" + "ropic", "chat" + "gpt", "open" + "ai", "co" + "pilot", "co-auth" + "ored-by",
            r"\bl" + r"lms?\b", r"\bA" + r"I[- ](generated|assisted|written|assistant)", "generated (by|with) A" + "I",
            r"(?<![\w.:/-])/(wo" + r"rk|ro" + r"ot|ho" + r"me)(?![\w-]|\.\w)",
            r"py" + r"pi\.org", "python" + "hosted", r"npm" + r"js\.(org|com)", r"ana" + r"conda\.org",
        )
    ),
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One import: the file by its path in the package, and the dotted name of a module that it may load."""

    path: str
    target: str
    line: int

    @property
    def room(self) -> str:
        return self.path.split("/")[0] if "/" in self.path else ""

    @property
    def ours(self) -> tuple[str, ...]:
        """What follows `wellheard` in the target, part by part; empty for a library."""
        head, *rest = self.target.split(".")
        return tuple(rest) if head == "wellheard" else ()

    def says(self, words: str) -> str:
        return f"{self.path}:{self.line} imports {self.target}: {words}"


class Tree:
    """The source of the package in a folder."""

    def __init__(self, package: Path) -> None:
        self.package = package

    @cached_property
    def files(self) -> dict[str, ast.Module]:
        paths = sorted(self.package.rglob("*.py"))
        return {p.relative_to(self.package).as_posix(): ast.parse(p.read_text("utf-8")) for p in paths}

    @cached_property
    def imports(self) -> list[Import]:
        return [Import(path, name, line) for path, tree in self.files.items() for name, line in _imported(path, tree)]

    def text(self, path: str) -> str:
        return (self.package / path).read_text("utf-8")


def _imported(path: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every module that a file names in an import, wherever it stands; `from a import b` names `a.b` too."""
    package = ["wellheard", *path.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                yield str(node.args[0].value), node.lineno


def out_of_place(tree: Tree) -> list[str]:
    """Folders that are no room, and files beside the rooms that join none."""
    known = {*ROOMS, "simulate"}
    heads = {path.split("/")[0] for path in tree.files}
    return [
        f"{h} is neither a room nor a file that joins them"
        for h in sorted(heads)
        if h.removesuffix(".py") not in known | JOINING
    ]


def out_of_order(tree: Tree) -> list[str]:
    """Imports of a later room, of a room that this one must not know, or of a file that joins the rooms."""
    found = []
    for item in tree.imports:
        if not item.room or not item.target.startswith("wellheard"):
            continue
        before = set(ROOMS[: ROOMS.index(item.room) + 1]) if item.room in ROOMS else set()
        allowed = NARROW.get(item.room, before)
        target = item.ours[0] if item.ours else "wellheard"
        if target not in allowed and target != "__version__":
            found.append(item.says(f"{item.room} may know {', '.join(r for r in ROOMS if r in allowed)} only"))
    return found


def knowing_siblings(tree: Tree) -> list[str]:
    """Imports between two things of one kind, and of one table's file by another table's."""
    found = []
    for item in tree.imports:
        for kind in KINDS:
            base = tuple(kind.split("/"))
            own, depth = tuple(item.path.removesuffix(".py").split("/")), len(base)
            if (
                own[:depth] == base
                and item.ours[:depth] == base
                and item.ours[depth : depth + 1] != own[depth : depth + 1]
            ):
                found.append(item.says(f"in {kind} nothing knows its neighbours; what two need moves down a floor"))
    return found


def named_members(tree: Tree) -> list[str]:
    """Any mention of a KPI's or a table's file, by import or by its dotted name: they are found, never listed."""
    found = [
        item.says("it is found by its file; ask the catalogue")
        for item in tree.imports
        if item.ours[:1] in (("kpis",), ("tables",)) and item.ours[1:2] and item.ours[1] not in LANGUAGE
    ]
    for path in tree.files:
        for name in re.findall(r"wellheard\.(?:kpis|tables)\.(\w+)", tree.text(path)):
            if name not in LANGUAGE and not any(path == i.path and name in i.ours for i in tree.imports):
                found.append(f"{path} names the file of {name}: it is found by itself; ask the catalogue")
    return found


def turning_back(tree: Tree) -> list[str]:
    """KPIs, and their language, that call an enrichment: what they need of one is a column that it has filled."""
    return [
        item.says("data never turns back; read the column that the enrichment filled")
        for item in tree.imports
        if item.room in ("metrics", "kpis") and item.ours[:1] == ("enrich",)
    ]


def out_of_fence(tree: Tree) -> list[str]:
    """Libraries outside their rooms. The extension wheels of DuckDB are DuckDB."""
    found = []
    for item in tree.imports:
        for library, places in FENCES.items():
            whole = item.target == library or item.target.startswith((f"{library}.", f"{library}_extension"))
            if whole and not item.path.startswith(places):
                found.append(item.says(f"{library} stays in {', '.join(places)}"))
    return found


def vaguely_named(tree: Tree) -> list[str]:
    """Files and folders whose name says nothing."""
    parts = {part for path in tree.files for part in path.removesuffix(".py").split("/")}
    return [f"{part} says nothing: name it after what it holds" for part in sorted(parts) if VAGUE.fullmatch(part)]


def too_long(tree: Tree) -> list[str]:
    """Files longer than a few screens, and functions where too many do not fit in the eye."""
    lines = {path: tree.text(path).count("\n") for path in tree.files}
    found = [f"{path} has {n} lines, more than {LONGEST_FILE}" for path, n in lines.items() if n > LONGEST_FILE]
    sizes = [
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{path}: {node.name}")
        for path, file in tree.files.items()
        for node in ast.walk(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = sorted((s for s in sizes if s[0] >= LONG_FUNCTION), reverse=True)
    if len(long) > (1 - SHORT_ENOUGH) * len(sizes):
        found.append(f"{len(long)} of {len(sizes)} functions have {LONG_FUNCTION} lines or more, such as {long[0][1]}")
    return found


RULES: tuple[Callable[[Tree], list[str]], ...] = (
    out_of_place, out_of_order, knowing_siblings, named_members, turning_back, out_of_fence, vaguely_named, too_long,
)  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_stands(rule: Callable[[Tree], list[str]]) -> None:
    tree = Tree(REPO / "src" / "wellheard")
    assert len(tree.files) > 100
    assert rule(tree) == []


SOUND = {
    "__init__.py": "from wellheard.app import Workspace",
    "app.py": "from wellheard.warehouse.engine import Lake\nfrom wellheard.web.server import serve",
    "base/errors.py": "import httpx_like",
    "base/egress.py": "import httpx\nimport httpcore",
    "tables/table.py": "from ..base import errors",
    "tables/orders.py": "from wellheard.tables.table import Table",
    "sources/files/reader.py": "from wellheard.sources.files.detect import detect",
    "sources/recipe.py": "import wellheard.base.errors",
    "warehouse/engine.py": "import duckdb, ibis\nfrom wellheard.sources.recipe import Recipe",
    "kpis/nps.py": "import ibis.expr.types\nfrom wellheard.metrics.metric import Metric",
    "web/server.py": "import fastapi\nfrom wellheard import __version__\nfrom wellheard.reports import charts",
    "serving.py": "import uvicorn",
    "simulate/company.py": "from wellheard.tables.catalogue import tables\nfrom wellheard.simulate import truth",
}
_LONG = "\n".join(f"def f{i}():\n    pass" for i in range(18)) + "\ndef g():\n" + "    x = 1\n" * 39
BROKEN = [
    (out_of_place, "extras/box.py", ""),
    (out_of_place, "extra.py", ""),
    (out_of_order, "base/errors.py", "from wellheard.tables import table"),
    (out_of_order, "tables/table.py", "def f():\n    from wellheard.metrics import query"),
    (out_of_order, "tables/table.py", "if TYPE_CHECKING:\n    import wellheard.store.people"),
    (out_of_order, "tables/table.py", "from .. import metrics"),
    (out_of_order, "tables/table.py", "from ..metrics import query"),
    (out_of_order, "tables/table.py", "import importlib\nimportlib.import_module('wellheard.web.server')"),
    (out_of_order, "sources/files/reader.py", "from wellheard.warehouse.engine import Lake"),
    (out_of_order, "surveys/collect.py", "from wellheard.warehouse.load import take"),
    (out_of_order, "kpis/nps.py", "from wellheard.warehouse.engine import Lake"),
    (out_of_order, "kpis/nps.py", "from wellheard.store import people"),
    (out_of_order, "web/server.py", "from wellheard.sources import files"),
    (out_of_order, "web/server.py", "from wellheard.enrich.clock import times"),
    (out_of_order, "web/server.py", "import wellheard.app"),
    (out_of_order, "web/server.py", "from wellheard import cli"),
    (out_of_order, "web/server.py", "import wellheard"),
    (out_of_order, "simulate/company.py", "from wellheard.metrics import query"),
    (out_of_order, "base/errors.py", "from wellheard.simulate import company"),
    (knowing_siblings, "kpis/csat.py", "from wellheard.kpis.nps import KPI"),
    (knowing_siblings, "kpis/csat.py", "from . import nps"),
    (knowing_siblings, "insights/drivers.py", "from wellheard.insights import change"),
    (knowing_siblings, "sources/zendesk/sync.py", "from wellheard.sources.files import reader"),
    (knowing_siblings, "surveys/questions/stars/question.py", "from wellheard.surveys.questions.scale import question"),
    (knowing_siblings, "actions/channels/mail.py", "from wellheard.actions.channels.sms import send"),
    (named_members, "tables/carts.py", "from wellheard.tables.orders import TABLE"),
    (named_members, "metrics/catalogue.py", "def f():\n    from wellheard.kpis import nps"),
    (named_members, "metrics/catalogue.py", "KNOWN = ['wellheard.kpis.nps']"),
    (turning_back, "kpis/nps.py", "from wellheard.enrich import sentiment"),
    (turning_back, "metrics/query.py", "from wellheard.enrich.clock import times"),
    (out_of_fence, "app.py", "import duckdb"),
    (out_of_fence, "web/server.py", "import duckdb_extension_ducklake"),
    (out_of_fence, "reports/charts.py", "import ibis.expr.types as ir"),
    (out_of_fence, "warehouse/engine.py", "from sqlalchemy import text"),
    (out_of_fence, "app.py", "def f():\n    from dbos import DBOS"),
    (out_of_fence, "sources/zendesk/sync.py", "import httpx"),
    (out_of_fence, "sources/zendesk/sync.py", "from urllib import request"),
    (out_of_fence, "sources/zendesk/sync.py", "import urllib.request"),
    (out_of_fence, "sources/zendesk/sync.py", "import requests"),
    (out_of_fence, "app.py", "from starlette.responses import Response"),
    (out_of_fence, "app.py", "import uvicorn"),
    (out_of_fence, "serving.py", "import fastapi"),
    (out_of_fence, "metrics/survival.py", "from lifelines import KaplanMeierFitter"),
    (vaguely_named, "metrics/utils.py", ""),
    (vaguely_named, "web/common/page.py", ""),
    (too_long, "metrics/query.py", "x = 1\n" * 451),
    (too_long, "metrics/query.py", _LONG),
]


def _planted(root: Path, files: dict[str, str]) -> Tree:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return Tree(root)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_sound_tree_breaks_no_rule(rule: Callable[[Tree], list[str]], tmp_path: Path) -> None:
    assert rule(_planted(tmp_path, SOUND)) == []


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    BROKEN,
    ids=[f"{rule.__name__}-{path}-{number}" for number, (rule, path, _) in enumerate(BROKEN)],
)
def test_each_rule_sees_what_breaks_it(rule: Callable[[Tree], list[str]], path: str, text: str, tmp_path: Path) -> None:
    assert len(rule(_planted(tmp_path, {**SOUND, path: text}))) == 1


def test_every_kpi_and_table_is_found_by_its_file() -> None:
    package = REPO / "src" / "wellheard"

    def files(room: str) -> set[str]:
        return {p.stem for p in (package / room).glob("*.py")} - {"__init__"}

    assert {name: kpi.name for name, kpi in metrics().items()} == {name: name for name in files("kpis")}
    assert {name: t.name for name, t in tables().items()} == {name: name for name in files("tables") - LANGUAGE}


NEW_TABLE = """
from wellheard.tables.table import Column, Table, Type

TABLE = Table(
    name="parking", title="Parking", words="One stay in the car park.", instant="parked_at",
    columns=(
        Column("customer_id", Type.TEXT, "Who parked.", refers="customers"),
        Column("parked_at", Type.INSTANT, "When."),
        Column("found", Type.BOOLEAN, "Whether a free place was found."),
    ),
)
"""
NEW_KPI = """
from wellheard.metrics.bricks import Share
from wellheard.metrics.metric import Example, Metric, Need


def rows(ask):
    t = ask.in_range(ask.facts("parking"))
    return ask.rows(t, out=[(t.found.isnull(), "not said")], good=t.found)


KPI = Metric(
    name="parking_found", title="Parking found", question="Do guests find a place?", formula="found ÷ stays",
    unit="percent", direction="up", rows=rows, brick=Share(), placed_by="parked_at",
    needs=(Need("parking", ("found",)),), examples=(Example("none", {"parking": []}, None, 0),), source="ours",
)
"""


# Commands of the program that lies there, all in one process: to load it takes longer than to run them.
ONE_AFTER_ANOTHER = """
import json, sys
from typer.testing import CliRunner
from wellheard.cli import app
said = []
for call in json.loads(sys.argv[1]):
    ran = CliRunner().invoke(app, call)
    assert ran.exit_code == 0, (call, ran.output, ran.exception)
    said.append(ran.stdout)
print(json.dumps(said))
"""


@pytest.mark.slow
def test_a_new_table_and_a_new_kpi_are_one_new_file_each(tmp_path: Path) -> None:
    shutil.copytree(REPO / "src" / "wellheard", tmp_path / "src" / "wellheard")
    _planted(tmp_path / "src" / "wellheard", {"tables/parking.py": NEW_TABLE, "kpis/parking_found.py": NEW_KPI})
    stays = tmp_path / "stays.csv"
    stays.write_text("parked_at,found\n2026-03-01,yes\n2026-03-02,no\n2026-03-03,yes\n2026-03-04,yes\n", "utf-8")

    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src"), "WELLHEARD_HOME": str(tmp_path / "place")}
    calls = [
        ["kpis", "--format", "json"],
        ["import", str(stays), "--table", "parking"],
        ["kpi", "parking_found", "--format", "json"],
    ]
    ran = [sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(calls)]
    done = subprocess.run(ran, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kpis, imported, asked = json.loads(done.stdout)
    assert "parking_found" in [kpi["name"] for kpi in json.loads(kpis)]
    assert "parking_found" in imported
    (answer,) = json.loads(asked)
    assert (answer["value"], answer["n"]) == (75.0, 4)


def _tracked() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout, so which files are ours is not known")
    return [REPO / name for name in listed.decode().split("\0") if name]


def unsaid(text: str) -> list[str]:
    """What a text says that the repository never says."""
    return [found.group() for found in UNSAID.finditer(text)]


def test_the_repository_speaks_of_the_product_alone() -> None:
    said = {}
    for path in _tracked():
        try:
            found = unsaid(f"{path.relative_to(REPO).as_posix()}\n{path.read_text('utf-8')}")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a picture or a font; or removed, and not yet committed
        if found:
            said[path.relative_to(REPO).as_posix()] = found
    assert said == {}


@pytest.mark.parametrize(
    "text",
    [
        "see /wo" + "rk/notes", "in '/ro" + "ot'.", "(/ho" + "me/anna/x)", "cd /wo" + "rk. Then", "py" + "pi.org",
        "https://files.python" + "hosted.org/a", "https://registry.npm" + "js.org/x", "Co-Auth" + "ored-By: x",
        "Open" + "AI", "A" + "I-generated", "an L" + "LM",
    ],
)  # fmt: skip
def test_what_is_never_said_is_seen(text: str) -> None:
    assert unsaid(text)


@pytest.mark.parametrize(
    "text", ["a patchwork", "docs/home/page", "https://example.org/work/", "maintain", "the root", "open air"]
)
def test_plain_words_may_be_said(text: str) -> None:
    assert unsaid(text) == []
