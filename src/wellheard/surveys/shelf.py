"""The surveys of a deployment: one TOML file each in the folder `surveys` of its home, so that they can live in git."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import tomli_w

from wellheard.base.errors import BadCall, Unknown, WellheardError
from wellheard.surveys.survey import Survey, read_survey

TEMPLATES = Path(__file__).parent / "templates"
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


class Shelf:
    """The surveys in a folder. The files are the truth: each call reads what is there now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ids(self) -> list[str]:
        """The names of all files, also of those that cannot be read."""
        return sorted(path.stem for path in self.folder.glob("*.toml"))

    def surveys(self) -> tuple[list[Survey], dict[str, WellheardError]]:
        """Every survey that can be read, by name, and for the others what is wrong with them, by id."""
        read, faulty = [], {}
        for id in self.ids():
            try:
                read.append(self.survey(id))
            except WellheardError as error:
                faulty[id] = error
        return sorted(read, key=lambda survey: survey.name.casefold()), faulty

    def survey(self, id: str) -> Survey:
        """Raises Unknown where there is none, BadInput for a file that is not right."""
        path = self.path(id)
        if not path.is_file():
            hint = f"there are {', '.join(self.ids())}" if self.ids() else "make one from a template"
            raise Unknown(f"there is no survey {id!r}", hint=hint, field="survey")
        return read_survey(path)

    def path(self, id: str) -> Path:
        """The file of a survey. Raises BadCall for what can be no id."""
        if not ID.fullmatch(id):
            raise BadCall(f"{id!r} is no name for a survey", hint="small letters, digits, - and _", field="id")
        return self.folder / f"{id}.toml"

    def save(self, survey: Survey, replaces: int | None) -> Survey:
        """Keeps a survey as its next version and gives it; `replaces` is the version that was changed, None for new.

        Raises BadCall where somebody else has saved in between, or where a new one's id is taken.
        """
        path = self.path(survey.id)
        there = self.survey(survey.id).version if path.is_file() and self._readable(survey.id) else None
        if replaces is None and path.is_file():
            raise BadCall(f"there is a survey {survey.id!r} already", hint="choose another id", field="id")
        if replaces is not None and there is not None and there != replaces:
            raise BadCall(
                f"version {there} was saved while you changed version {replaces}",
                hint="open the survey again and make your changes on it",
                field="version",
            )
        saved = survey.model_copy(update={"version": (there or replaces or 0) + 1})
        _replace(path, survey_text(saved))
        return saved

    def _readable(self, id: str) -> bool:
        try:
            self.survey(id)
        except WellheardError:
            return False
        return True


@cache
def templates() -> dict[str, Survey]:
    """The ready surveys that one may begin from, by id."""
    return {path.stem: read_survey(path) for path in sorted(TEMPLATES.glob("*.toml"))}


def definition(survey: Survey) -> dict[str, Any]:
    """A survey as plain values, without what is left at its default."""
    told = survey.model_dump(mode="json", exclude_defaults=True)
    told = {"id": survey.id, "name": survey.name, "version": survey.version, **told}
    for question in told["questions"]:
        if not question.get("options"):
            question.pop("options", None)
    return {name: value for name, value in told.items() if value not in ({}, [])}


def survey_text(survey: Survey) -> str:
    """A survey as TOML, which `read_survey` reads again."""
    return tomli_w.dumps(_without_none(definition(survey)))


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(part) for key, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value


def _replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
