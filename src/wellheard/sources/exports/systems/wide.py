"""Any file with a row a respondent and a column a question, for those who name it so."""

from wellheard.sources.exports.aliased import Names, lay_out
from wellheard.sources.exports.export import Export, Sample

NAMES = Names(key=("responseid", "submissionid", "respondentid", "id"), comment=("comment", "comments", "feedback"))

EXPORT = Export(
    title="A column a question",
    recognise=lambda _head: False,
    lay_out=lambda sheet, told: lay_out(sheet, told, NAMES),
    samples=(
        Sample(
            "answers.csv",
            "submitted at,customer id,would you recommend us,how easy was it\n"
            "2026-03-05T10:00:00Z,c1,9,7\n2026-03-05T10:00:00Z,c2,0,1\n",
            {
                "survey_responses": (
                    {"customer_id": "c1", "kind": "nps", "score": "9.0"},
                    {"customer_id": "c1", "kind": "ces", "score": "7.0", "scale_max": "7.0"},
                    {"customer_id": "c2", "kind": "nps", "score": "0.0"},
                    {"customer_id": "c2", "kind": "ces", "score": "1.0"},
                )
            },
        ),
    ),
)
