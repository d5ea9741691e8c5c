"""Every command, path and link in the pages works, and the KPIs' pages are those that the program writes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from wellheard.base.errors import BadInput
from wellheard.cli import app
from wellheard.kpi_pages import MARK, pages, write

REPO = Path(__file__).parent.parent
PAGES = sorted(
    p.relative_to(REPO).as_posix()
    for p in [*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md"), *(REPO / "examples").rglob("*.md")]
)
ANSWERS = "rating,date,shop\n10,2026-03-02,Berlin\n3,2026-03-09,Lyon\n9,2026-04-01,Berlin\n7,2026-04-03,Berlin\n"
STAYS = "ticket,plate,day,hour,level\nA1,B-X 1,2026-03-05,09,2\nA2,unknown,2026-03-06,10,1\n"


def _text(page: str) -> str:
    return (REPO / page).read_text("utf-8")


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", _text(page), re.DOTALL | re.MULTILINE)


def _commands(page: str, program: str) -> list[list[str]]:
    """The calls of a program in a page's blocks of commands, without what is said behind a #."""
    lines = [line for block in _blocks(page, "sh") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True)) and words[0] == program]


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


def _said(calls: list[list[str]], cwd: Path, source: Path) -> list[str]:
    """What each of several commands of the program in `source` says."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WELLHEARD_")} | {"PYTHONPATH": str(source)}
    ran = [sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(calls)]
    done = subprocess.run(ran, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said: list[str] = json.loads(done.stdout)
    return said


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of somebody who followed the README down to its commands, `serve` left out."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "answers.csv").write_text(ANSWERS, "utf-8")
    here = Path.cwd()
    os.chdir(folder)
    try:
        for words in _commands("README.md", "wellheard"):
            done = CliRunner(env={name: None for name in os.environ if name.startswith("WELLHEARD_")}).invoke(
                app, words[1:]
            )
            assert done.exit_code == 0, (words, done.output, done.exception)
            (folder / f"{' '.join(words[1:])[:60].replace('/', '_')}.out").write_text(done.stdout, "utf-8")
    finally:
        os.chdir(here)
    return folder


@pytest.mark.slow
def test_the_commands_of_the_readme_work_and_answer(reader: Path) -> None:
    said = {path.stem: path.read_text("utf-8") for path in reader.glob("*.out")}
    assert len(said) == len(_commands("README.md", "wellheard")) >= 8
    assert "survey_responses" in said["imports"]
    assert "+25.0 points" in said["kpi nps"]  # two promoters and one detractor of four
    assert "All is sound." in said["doctor"]
    (filtered,) = [text for call, text in said.items() if "--where" in call]
    assert '"n": 1,' in filtered  # of the scores in Berlin below 9 there is one
    (rows,) = [text for call, text in said.items() if "--rows" in call]
    assert rows.count("counted") >= 4


@pytest.mark.slow
def test_the_python_of_the_readme_works(reader: Path) -> None:
    (code,) = _blocks("README.md", "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=reader, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Berlin" in done.stdout


@pytest.fixture
def served(reader: Path) -> Iterator[str]:
    """The address of the reader's home, served as the README says, at any free port."""
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src"), "WELLHEARD_HOME": str(reader / "wellheard-home")}
    call = [sys.executable, "-c", "from wellheard.cli import main; main()", "serve", "--port", "0"]
    with subprocess.Popen(call, env=environment, cwd=reader, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = next((m for line in server.stdout if (m := re.search(r"http://127\.0\.0\.1:\d+", line))), None)
            assert found is not None, "it ended without an address"
            yield found.group()
        finally:
            server.terminate()


@pytest.mark.slow
def test_the_addresses_of_the_readme_answer(served: str) -> None:
    assert "`wellheard serve`" in _text("README.md")
    asked = [words[-1] for words in _commands("README.md", "curl")]
    asked += re.findall(r"`(/api/[^`]+)`", _text("README.md"))
    assert len(asked) >= 2
    for address in asked:
        with urlopen(re.sub(r"^(http://127\.0\.0\.1:\d+)?", served, address, count=1), timeout=60) as answer:
            assert answer.status == 200
            assert b"nps" in answer.read()


@pytest.mark.slow
def test_the_files_that_contributing_shows_are_found_and_work(tmp_path: Path) -> None:
    shutil.copytree(REPO / "src" / "wellheard", tmp_path / "src" / "wellheard")
    shown = re.findall(
        r"^`([\w/]+\.(?:py|toml))`\n\n```\w+\n(.*?)^```$", _text("CONTRIBUTING.md"), re.DOTALL | re.MULTILINE
    )
    assert sorted(path for path, _ in shown) == [
        "parking.toml", "src/wellheard/actions/channels/pager.py", "src/wellheard/kpis/phone_share.py",
        "src/wellheard/surveys/triggers/parked.py", "src/wellheard/tables/parking.py",
    ]  # fmt: skip
    for path, text in shown:
        (tmp_path / path).write_text(text, "utf-8")
    (tmp_path / "stays.csv").write_text(STAYS, "utf-8")
    (tmp_path / "cars.csv").write_text("guest_id,arrival,plate\n1,2026-03-05,B-X 1\n", "utf-8")
    (tmp_path / "calls.csv").write_text("opened_at,channel\n2026-03-05,phone\n2026-03-06,chat\n", "utf-8")

    (tried,) = re.findall(r"`wellheard (import stays[^`]+)`", _text("CONTRIBUTING.md"))
    calls = [
        shlex.split(tried),
        ["import", "cars.csv", "--table", "parking"],
        ["import", "calls.csv", "--table", "conversations", "--set", "opened_by=customer"],
        ["kpi", "phone_share", "--format", "json"],
        ["surveys", "forecast", "--format", "json"],
    ]
    surveys = tmp_path / "wellheard-home" / "surveys"
    surveys.mkdir(parents=True)
    (surveys / "cars.toml").write_text(
        'name = "Cars"\n[asking]\ntrigger = "parked"\n[[questions]]\nid = "nps"\ntype = "nps"\n', "utf-8"
    )
    imported, _, _, asked, forecast = _said(calls, tmp_path, tmp_path / "src")
    assert '"survey": "cars"' in forecast
    assert re.search(r"visits\W+2\W+2\W", imported)
    assert '"value": 50.0' in asked


def test_the_targets_of_make_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", _text("Makefile"), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z][\w-]*)", _text(page), re.MULTILINE)}
    assert {"demo", "test", "check", "setup"} <= named
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Links to places on the network are not followed; a picture has a test of its own."""
    links = re.findall(r"(?<!!)\[[^\]]+\]\(([^)#\s]+)", _text(page))
    missing = [t for t in links if "://" not in t and not ((REPO / page).parent / t).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_paths_that_are_named_exist(page: str) -> None:
    """What stands between backticks and begins with a folder of ours, but for what the page has its reader make."""
    made = set(re.findall(r"^`([\w/.]+)`\n\n```", _text(page), re.MULTILINE))
    named = re.findall(r"`((?:src|tests|docs|examples|\.ci)/[\w./-]*)`", _text(page))
    missing = [name for name in named if name not in made and "NAME" not in name and not (REPO / name).exists()]
    assert missing == []


def test_the_picture_of_the_page_is_there() -> None:
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", _text("README.md"))
    assert (REPO / picture).is_file()
    assert (REPO / picture).read_bytes().startswith(b"\x89PNG")


def test_every_decision_is_listed_numbered_and_whole() -> None:
    folder = REPO / "docs" / "decisions"
    records = sorted(p.name for p in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$", _text("docs/decisions/README.md"), re.MULTILINE)
    assert [name for _, name, _ in listed] == records
    for number, name, title in listed:
        text = (folder / name).read_text("utf-8")
        assert text.startswith(f"# {number} {title}\n")
        assert [text.count(f"**{part}.**") for part in ("Context", "Decision", "Consequence")] == [1, 1, 1]


def test_the_changelog_keeps_its_format() -> None:
    versions = re.findall(r"^## \[([^\]]+)\]", _text("CHANGELOG.md"), re.MULTILINE)
    assert versions[0] == "Unreleased"
    kinds = set(re.findall(r"^### (.+)$", _text("CHANGELOG.md"), re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_kpi_pages_are_those_that_the_program_writes() -> None:
    folder = REPO / "docs" / "kpis"
    committed = {p.name: p.read_text("utf-8") for p in folder.glob("*")}
    assert committed == pages(), "run `make docs` and commit docs/kpis"


def test_writing_the_pages_removes_those_of_kpis_that_are_gone_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "gone.md").write_text(f"{MARK}\n\n# Gone\n", "utf-8")
    (tmp_path / "own.md").write_text("# My notes\n", "utf-8")
    write(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {*pages(), "own.md"}
    with pytest.raises(BadInput, match="cannot be written"):
        write(tmp_path / "own.md")


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = _text("LICENSE")
    assert text.strip().startswith("Apache License\n")
    for part in (
        "Version 2.0, January 2004",
        "9. Accepting Warranty",
        "END OF TERMS AND CONDITIONS",
        "[yyyy] [name of",
    ):
        assert part in text
