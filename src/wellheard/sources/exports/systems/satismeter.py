"""SatisMeter: answers by the names that its columns often bear; what it cannot tell is asked."""

from wellheard.sources.exports.aliased import Names, knows, lay_out
from wellheard.sources.exports.export import Export, Sample

NAMES = Names(
    key=("responseid", "id"),
    answered_at=("created", "answeredat", "submittedat", "date"),
    customer=("userid", "externalid"),
    name=("name", "username"),
    nps=("rating", "score", "npsrating"),
    comment=("feedback", "comment"),
    aside=("category", "url", "useragent", "browser", "segment"),
)

EXPORT = Export(
    title="SatisMeter",
    recognise=lambda head: knows(head, ("rating",), ("feedback",), ("category",), ("userid",)),
    lay_out=lambda sheet, told: lay_out(sheet, told, NAMES),
    samples=(
        Sample(
            "satismeter.csv",
            "Id,Created,User ID,Email,Rating,Category,Feedback\n"
            "s1,2026-03-05T10:00:00Z,u1,a@example.com,10,promoter,love it\ns2,2026-03-05T11:00:00Z,u2,,3,detractor,\n",
            {
                "survey_responses": (
                    {"submission_id": "s1", "kind": "nps", "score": "10.0", "customer_id": "u1"},
                    {"submission_id": "s1", "comment": "love it"},
                    {"submission_id": "s2", "kind": "nps", "score": "3.0"},
                ),
                "customers": ({"source_id": "u1", "email": "a@example.com"},),
            },
        ),
    ),
)
