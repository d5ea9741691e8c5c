"""What was read out of customers' texts, as every KPI of texts takes it: each text once, by the newest reading."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask, Reason

PERSON = "human"  # the model's name on a reading that a person made: a label
READ = (("text_scores", ("written_at",)),)


def readings(ask: Ask, *, labelled: bool = False) -> tuple[ir.Table, list[Reason]]:
    """The readings of the question's texts, and why some of them do not count.

    Where `labelled`, rows bear `given`: what a person read in the text, from −1 to 1; null where nobody did.
    """
    t = ask.in_range(ask.facts("text_scores"))
    if labelled:
        t = _with_labels(ask, t)
    person = (t.model.lower() == PERSON).fill_null(False)
    t = t.mutate(person=person, whole=t.aspect.isnull())
    order = ibis.window(
        group_by=[t.text_table, t.text_id, t.person, t.whole],
        order_by=[ibis.desc(t.scored_at.coalesce(t.updated_at, t.ingested_at)), ibis.desc(t.id)],
    )
    t = t.mutate(turn=ibis.row_number().over(order))
    out: list[Reason] = [
        (t.person, "a person's label: it corrects the model, and is no reading of its own"),
        (~t.whole, "about one aspect of a text"),
        (t.turn > 0, "the text was read again later"),
    ]
    return t, out


def _with_labels(ask: Ask, t: ir.Table) -> ir.Table:
    names, known = t.columns, _labels(ask)
    t = t.left_join(known, [t.text_table == known["l:table"], t.text_id == known["l:text"]])
    return t.select(*names, given=t["l:label"].coalesce(polarity(t.label).cast("float64")))


def _labels(ask: Ask) -> ir.Table:
    """What people read in texts: the mean of −1, 0 and 1 where several read one."""
    t = ask.reader.table("text_scores")
    t = t.filter((t.model.lower() == PERSON) & t.aspect.isnull())
    value = polarity(t.label.coalesce(t.sentiment))
    each = t.mutate(value__=value).filter(ibis._.value__.notnull())
    grouped = each.group_by(**{"l:table": each.text_table, "l:text": each.text_id}).agg(
        total__=each.value__.sum(), n__=each.value__.count()
    )
    share = grouped.total__.cast("float64") / grouped.n__.cast("float64")
    return grouped.select("l:table", "l:text", **{"l:label": share})


def polarity(sentiment: ir.StringValue) -> ir.IntegerValue:
    """1 for positive, 0 for neutral, −1 for negative, null for nothing."""
    return ibis.cases((sentiment == "positive", 1), (sentiment == "neutral", 0), (sentiment == "negative", -1))
