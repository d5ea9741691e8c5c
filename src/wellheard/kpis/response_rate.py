"""Response rate: the share of invitations that were answered."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.metric import Example, Metric, Need, Preset, Variant
from wellheard.metrics.reader import Reader, instant_literal
from wellheard.metrics.samples import invitations

DAYS = 14  # after which an invitation without an answer counts as not answered
KINDS = ("nps", "csat", "ces", "emotion", "intent")


def rows(ask: Ask) -> ir.Table:
    t = _answered(ask, ask.in_range(ask.facts("survey_invitations")))
    # Some systems list who wants no more, and not when they were asked: nobody there left a question unanswered.
    out = [(t.sent_at.isnull() & t.unsubscribed & ~t.answered, "says only that somebody wants no more surveys")]
    for kind in KINDS:
        if ask.has(f"for_{kind}"):
            out.append((~_asks_for(ask, t, kind), f"its survey has no question of the kind {kind}"))
    if ask.has("as_chatwoot"):
        out.append((~_asks_for(ask, t, "csat"), "its survey has no question of the kind csat"))
        return ask.rows(t, out=out, survey_id=t.survey_id, good=t.answered)
    if ask.has("per_seen"):
        out.append((~(t.seen_at.notnull() | t.answered), "not seen"))
    elif not ask.has("per_sent"):
        out.append((t.bounced.fill_null(False) & ~t.answered, "could not be delivered"))
        out.append((~(_delivered(ask, t) | t.answered), "not known to be delivered"))
    end = ask.data_end(("survey_invitations", "sent_at"), ("survey_responses", "answered_at"))
    young = ibis.literal(False)
    if end is not None:
        young = t.instant + ibis.interval(days=DAYS) > instant_literal(end)
    pending = [(young & ~t.answered, f"not answered, and its {DAYS} days have not passed")]
    return ask.rows(t, out=out, pending=pending, survey_id=t.survey_id, good=t.answered)


def _answered(ask: Ask, t: ir.Table) -> ir.Table:
    """Adds `answered`: a completed questionnaire names the invitation, or the invitation itself says so."""
    r = ask.reader.table("survey_responses")
    full = r.filter(r.invitation_id.notnull() & r.complete.fill_null(True) & ~r.test.fill_null(False))
    came = full.select(**{"r:source": full.source, "r:invitation": full.invitation_id}).distinct()
    names = t.columns
    both = t.left_join(came, [t.source == came["r:source"], t.source_id == came["r:invitation"]])
    here = both["r:invitation"].notnull() | both["answered_at"].notnull()
    return both.select(*names, answered=here)


def _delivered(ask: Ask, t: ir.Table) -> ir.BooleanValue:
    """Delivered or seen; sources that tell of no delivery at all are believed to deliver what does not bounce."""
    telling = ask.reader.kept("sources that tell of delivery", _telling, ("survey_invitations",))
    known = t.delivered_at.notnull() | t.seen_at.notnull()
    return known | ~t.source.isin(telling) if telling else known | ibis.literal(True)


def _telling(reader: Reader) -> list[str]:
    t = reader.table("survey_invitations")
    telling = t.filter(t.delivered_at.notnull()).select("source").distinct()
    return sorted(row["source"] for row in reader.run(telling).to_pylist())


def _asks_for(ask: Ask, t: ir.Table, kind: str) -> ir.BooleanValue:
    """Whether the invitation's survey has a question of a kind."""
    found = ask.reader.kept(("surveys", kind), lambda every: _surveys(every, kind), ("survey_responses",))
    return t.survey_id.isin(found).fill_null(False) if found else ibis.literal(False)


def _surveys(reader: Reader, kind: str) -> list[str]:
    r = reader.table("survey_responses")
    some = r.filter((r.kind == kind) & r.survey_id.notnull()).select("survey_id").distinct()
    return sorted(row["survey_id"] for row in reader.run(some).to_pylist())


def _wanting_no_more() -> dict[str, list[dict[str, object]]]:
    """Ten invitations, and two people of whom nothing is known but that they want no more."""
    rows = invitations(answered=3, seen=2, delivered=3, bounced=2)
    leaving = [{"source_id": f"left-{n}", "customer_id": f"left-{n}", "unsubscribed": True} for n in range(2)]
    return {**rows, "survey_invitations": [*rows["survey_invitations"], *leaving]}


TEN = invitations(answered=3, seen=2, delivered=3, bounced=2)
YOUNG = invitations(answered=3, seen=2, delivered=3, bounced=2, young=4)

KPI = Metric(
    name="response_rate",
    title="Response rate",
    question="How many of those we asked have answered?",
    formula="100 × completed questionnaires ÷ delivered invitations that are answered or older than 14 days",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Share(),
    placed_by="sent_at",
    lopsided=True,
    spans=(("survey_invitations", ("sent_at",)),),
    needs=(
        Need("survey_invitations", ("sent_at",)),
        Need("survey_responses", ("invitation_id",)),
    ),
    traps=(
        "An interval speaks of chance, not of who stayed silent: a low response rate may hide any other answer.",
        "Invitations younger than 14 days without an answer are pending, not failures.",
        "Answers to an open link have no invitation and are in no response rate.",
    ),
    source="The American Association for Public Opinion Research, Standard Definitions, 10th ed. 2023, RR1; interval: "
    "E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        Variant("per_sent", "Of all invitations sent, bounced ones too."),
        Variant("per_seen", "Of the invitations that were opened."),
        Variant(
            "as_chatwoot",
            "Answered ÷ sent surveys of satisfaction, however young; formula only.",
            preset=Preset(
                "Response rate",
                "Theirs counts every survey that was sent, also one of this morning and one that bounced; ours "
                "waits 14 days for an answer and takes what was delivered. Theirs is of satisfaction surveys alone.",
                "Chatwoot source code, dashboard/store/modules/csat.js, getResponseRate",
                beside=("for_csat",),
            ),
        ),
        *(Variant(f"for_{kind}", f"Only surveys that ask a question of the kind {kind}.") for kind in KINDS),
    ),
    examples=(
        Example("3 of 8 delivered", TEN, 37.5, 8),
        Example("the same per invitation sent", TEN, 30.0, 10, variant="per_sent"),
        Example("the same per invitation seen", TEN, 60.0, 5, variant="per_seen"),
        Example("of all sent", TEN, 30.0, 10, variant="as_chatwoot"),
        Example("of all sent, the youngest too", YOUNG, 100 * 3 / 14, 14, variant="as_chatwoot"),
        Example("surveys that ask for satisfaction", TEN, 37.5, 8, variant="for_csat"),
        Example("four more of yesterday", YOUNG, 37.5, 8, pending=4),
        Example("two more who want no surveys", _wanting_no_more(), 37.5, 8),
        Example("nobody asked", {}, None, 0),
    ),
)
