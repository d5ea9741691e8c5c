"""Why somebody was not asked, in words."""

from __future__ import annotations

WORDS = {
    "": "asked",
    "gave_way": "a more important survey came in between",
    "opted_out": "wants no more surveys",
    "bounced": "the address does not take mail",
    "not_sent": "it could not be sent",
    "too_late": "too much time had passed",
    "answered": "answered in the meantime",
    "decided_before": "this occasion was decided before",
    "closed": "the survey does not ask any more",
    "not_meant": "not among those whom the survey is for",
    "not_drawn": "not drawn into the sample",
    "no_address": "no address for any of its channels is known",
    "no_channel": "none of its channels is set up",
    "no_tester": "the survey is in test mode, and no tester is set",
}
BUDGETS = {"person_budget": "the person", "company_budget": "the company"}


def reason_words(reason: str | None) -> str:
    """The words of a reason as the ledger keeps it; what is not known stands for itself."""
    kind, _, rest = (reason or "").partition(":")
    if kind in BUDGETS:
        return f"{BUDGETS[kind]} has been asked enough in {rest} days"
    if kind == "quota":
        days, _, whom = rest.partition(":")
        return f"the quota of {days} {'day' if days == '1' else 'days'} is full" + (f" for {whom}" if whom else "")
    return WORDS.get(reason or "", reason or "")
