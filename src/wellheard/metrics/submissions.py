"""How many questionnaires were filled in, survey by survey."""

from __future__ import annotations

from dataclasses import dataclass

from wellheard.metrics.reader import Reader


@dataclass(frozen=True)
class Filled:
    """Filled-in questionnaires of a survey: those that count, and trial ones of our own."""

    counted: int = 0
    tests: int = 0


def submissions(reader: Reader) -> dict[str, Filled]:
    """Filled-in questionnaires by survey; flagged ones are in neither number."""
    t = reader.table("survey_responses")
    t = t.filter(t.survey_id.notnull(), t.flag.isnull())
    t = t.mutate(trial=t.test.fill_null(False), submission=t.submission_id.coalesce(t.id))
    counted = t.group_by("survey_id").aggregate(
        tests=t.submission.nunique(where=t.trial), counted=t.submission.nunique(where=~t.trial)
    )
    return {row["survey_id"]: Filled(row["counted"], row["tests"]) for row in reader.run(counted).to_pylist()}
