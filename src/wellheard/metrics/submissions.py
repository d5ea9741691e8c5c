"""How many questionnaires were filled in, survey by survey."""

from __future__ import annotations

from wellheard.metrics.reader import Reader


def submissions(reader: Reader) -> dict[str, int]:
    """Filled-in questionnaires by survey, trial answers left out."""
    t = reader.table("survey_responses")
    t = t.filter(t.survey_id.notnull(), ~t.test.fill_null(False))
    counted = t.group_by("survey_id").aggregate(n=t.submission_id.coalesce(t.id).nunique())
    return {row["survey_id"]: row["n"] for row in reader.run(counted).to_pylist()}
