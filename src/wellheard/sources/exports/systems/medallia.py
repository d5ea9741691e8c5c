"""Medallia: each programme names its columns; found by the names they often bear, and asked where they are others."""

from wellheard.sources.exports.aliased import Names, knows, lay_out
from wellheard.sources.exports.export import Export, Sample

NAMES = Names(
    key=("surveyid", "responseid", "recordid"),
    answered_at=("responsedate", "responsedatetime", "surveycompletiondate", "completeddate"),
    customer=("customerid", "contactid", "memberid"),
    nps=("ltr", "likelihoodtorecommend", "liketorecommend", "npsscore"),
    csat=("osat", "overallsatisfaction"),
    ces=("easeofuse", "ease", "effortscore"),
    comment=("comments", "comment", "verbatim", "reasonforscore"),
    aside=("npssegment", "unit", "unitid", "survey status", "creationdate"),
)

EXPORT = Export(
    title="Medallia",
    recognise=lambda head: knows(head, ("surveyid",), ("responsedate",), NAMES.nps + NAMES.csat),
    lay_out=lambda sheet, told: lay_out(sheet, told, NAMES),
    samples=(
        Sample(
            "medallia.csv",
            "Survey ID,Response Date,Customer ID,LTR,OSAT,Comments\n"
            "1,2026-03-05T10:00:00Z,c1,9,5,very quick\n2,2026-03-06T10:00:00Z,c2,0,1,\n",
            {
                "survey_responses": (
                    {"submission_id": "1", "kind": "nps", "score": "9.0"},
                    {"submission_id": "1", "kind": "csat", "score": "5.0", "scale_max": "5.0"},
                    {"submission_id": "1", "comment": "very quick"},
                    {"submission_id": "2", "kind": "nps", "score": "0.0"},
                    {"submission_id": "2", "kind": "csat", "score": "1.0"},
                )
            },
        ),
    ),
)
