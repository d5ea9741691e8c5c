"""Who is asked when, who answers, and what they say: relationship waves, support, onboarding, purchases, feelings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wellheard.simulate import questions
from wellheard.simulate.columns import constant, flags, idents, instants
from wellheard.simulate.company import (
    DAY,
    MOOD_ON_ANSWERING,
    MOOD_ON_NPS,
    NEVER,
    REGIONS,
    REOPEN_ON_CSAT,
    SEGMENTS,
    WAIT_ON_CSAT,
    Array,
    Company,
    column,
)
from wellheard.simulate.customers import Customers
from wellheard.simulate.lives import month_of, month_starts
from wellheard.simulate.questions import Sheet, Survey, logistic, scores, write_answers
from wellheard.simulate.readings import write_readings
from wellheard.simulate.rhythm import moments, skewed
from wellheard.simulate.support import ASKED, BY_BOT, Cases, Outcome
from wellheard.simulate.truth import Tally
from wellheard.simulate.voices import kind_codes
from wellheard.simulate.writer import Writer

WAVE_MONTHS = 6  # a contact is asked to recommend us so often
PULSE_MONTHS = 18
PROMOTER_CUT, DETRACTOR_CUT = 0.40, -1.25  # on the log-odds scale of the latent satisfaction
CSAT_SHARE, CES_SHARE, PURCHASE_SHARE = 0.70, 0.28, 0.40  # of conversations or orders that are asked about
BOUNCED, SEEN, COMPLETE = 0.015, 0.68, 0.95  # of invitations, and of answers
NEW_WORDING = 10 / 24  # of the history, after which the question to recommend is worded anew


@dataclass(frozen=True)
class Asked:
    """Questionnaires about to be sent; numbers are -1 where there is no such thing."""

    customer: Array
    at: Array
    conversation: Array
    order: Array
    agent: Array

    @classmethod
    def plain(cls, customer: Array, at: Array) -> Asked:
        none = np.full(len(customer), -1)
        return cls(customer, at, none, none, none)

    def only(self, kept: Array) -> Asked:
        return Asked(*(values[kept] for values in vars(self).values()))


class Interviewer:
    """Sends questionnaires of one month and block and takes down what comes back."""

    def __init__(
        self, writer: Writer, company: Company, customers: Customers, tally: Tally, month: int, block: int
    ) -> None:
        self.writer, self.company, self.customers, self.tally = writer, company, customers, tally
        self.month = month
        self.rng = company.rng("surveys", month, block)
        self.reader = company.rng("readings of comments", month, block)
        self._starts = month_starts(company)

    def relationship(self, who: Array) -> None:
        """Asks a sixth of the contacts whether they would recommend us, spread over the month's days."""
        mine = who[who % WAVE_MONTHS == self.month % WAVE_MONTHS]
        asked = Asked.plain(mine, moments(self.company, self.rng, self.month, self.customers.zone[mine], "work"))
        asked = self._reachable(asked)
        self._tally_nps("nps_invited", asked.customer, asked.at)
        sheet = self._send(questions.RELATIONSHIP, asked)
        promoter, detractor = self._tally_nps("nps", sheet.customer, sheet.answered, self._main(sheet))
        score = scores(self.rng, questions.NPS, promoter, detractor)
        self._write(sheet, questions.NPS, score, low=6, high=9, comments=0.5)
        rest = np.flatnonzero(sheet.complete)
        choice = np.where(self.rng.random(len(rest)) < 0.85, self.rng.choice(4, len(rest), p=(0.4, 0.3, 0.2, 0.1)), -1)
        write_answers(self.writer, self.rng, sheet, questions.REASON, rest, choice=choice)

    def after_support(self, cases: Cases, outcome: Outcome) -> None:
        """Asks about solved conversations: mostly for satisfaction, else for effort."""
        solved = np.isin(cases.kind, (ASKED, BY_BOT)) & (outcome.solved < self.company.last)
        draw = self.rng.random(len(cases))
        delay = self.rng.integers(3600, DAY, len(cases))
        for survey, mine in (
            (questions.AFTER_SUPPORT, solved & (draw < CSAT_SHARE)),
            (questions.SUPPORT_EFFORT, solved & (draw >= CSAT_SHARE) & (draw < CSAT_SHARE + CES_SHARE)),
        ):
            at = np.flatnonzero(mine)
            agent = np.where(outcome.replied[at] < NEVER, outcome.agent[at], -1)
            asked = Asked(
                cases.customer[at], outcome.solved[at] + delay[at], cases.number[at], np.full(len(at), -1), agent
            )
            kept = self._may_ask(asked)
            sheet, back = self._send_some(survey, asked.only(kept))
            case = at[kept][back]
            odds = WAIT_ON_CSAT * outcome.wait[case] + REOPEN_ON_CSAT * (outcome.reopened[case] > 0)
            if survey is questions.AFTER_SUPPORT:
                self._satisfaction(sheet, odds)
                self._first_time(sheet, outcome.reopened[case] > 0, outcome.rounds[case] > 1)
            else:
                self._effort(sheet, odds + 0.3)

    def onboarding(self, who: Array) -> None:
        """Asks newcomers after thirty days how easy the start was."""
        at = self.customers.created[who] + 30 * DAY + (who % 11) * 3600
        due = (at >= self.company.start(self.month)) & (at < self.company.start(self.month + 1))
        sheet = self._send(questions.AFTER_ONBOARDING, self._reachable(Asked.plain(who[due], at[due])))
        self._effort(sheet, np.full(len(sheet), 0.1))

    def after_purchase(self, customer: Array, bought: Array, order: Array) -> None:
        """Asks about some of the shop's orders three days later."""
        some = self.rng.random(len(order)) < PURCHASE_SHARE
        none = np.full(int(some.sum()), -1)
        asked = Asked(customer[some], bought[some] + 3 * DAY, none, order[some], none)
        self._satisfaction(self._send(questions.AFTER_PURCHASE, self._reachable(asked)), 0.2)

    def pulse(self, who: Array) -> None:
        """Asks a few contacts how they feel; every feeling is an item of its own."""
        mine = who[who % PULSE_MONTHS == self.month % PULSE_MONTHS]
        at = moments(self.company, self.rng, self.month, self.customers.zone[mine], "work")
        sheet = self._send(questions.PULSE, self._reachable(Asked.plain(mine, at)))
        every = np.arange(len(sheet))
        latent = self._shift("nps", sheet) + 0.5 * self.customers.mood[sheet.customer]
        for place, item in enumerate(questions.EMOTIONS):
            sign = 1 if place < 2 else -1
            level = (3.4 if sign > 0 else 2.0) + 0.5 * sign * latent + 0.9 * self.rng.normal(0, 1, len(sheet))
            score = np.clip(np.rint(level), 1, 5).astype(np.int64)
            write_answers(self.writer, self.rng, sheet, item, every, score=score, choice=np.zeros(len(sheet), int))

    def website(self, customer: Array, at: Array, intent: Array) -> None:
        """Asks some visitors why they came and whether they could do it; most of them are nobody we know."""
        rows = len(at)
        sheet = self._sheet(
            questions.WEBSITE, Asked.plain(customer, at), np.full(rows, -1), at + 40, np.ones(rows, bool)
        )
        done = np.array([0.82, 0.74, 0.55, 0.88, 0.6])[intent]
        success = (self.rng.random(rows) < done).astype(np.int64)
        write_answers(self.writer, self.rng, sheet, questions.INTENT, np.arange(rows), choice=intent, success=success)

    def _may_ask(self, asked: Asked) -> Array:
        return (asked.at < self.company.last) & self.customers.here(asked.customer, asked.at)

    def _reachable(self, asked: Asked) -> Asked:
        return asked.only(self._may_ask(asked))

    def _send(self, survey: Survey, asked: Asked) -> Sheet:
        return self._send_some(survey, asked)[0]

    def _send_some(self, survey: Survey, asked: Asked) -> tuple[Sheet, Array]:
        """Writes the invitations; returns what comes back in time, and the places of those in `asked`."""
        rng, rows, who = self.rng, len(asked.at), asked.customer
        bounced = rng.random(rows) < BOUNCED
        delivered = np.where(bounced, NEVER, asked.at + rng.integers(1, 120, rows))
        seen = delivered + skewed(rng, 5 * 3600, 1.5, rows)
        seen = np.where(bounced | (rng.random(rows) > SEEN), NEVER, seen)
        answered = seen + skewed(rng, 150, 0.9, rows)
        base = column(SEGMENTS, "answers")[self.customers.segment[who]] * survey.interest / SEEN
        odds = np.log(base / (1 - base)) + MOOD_ON_ANSWERING * self.customers.mood[who]
        name = survey.name.replace("-", "_")
        self._tally(f"invited_{name}", who, asked.at, np.ones(rows))
        self._tally(f"answering_{name}", who, asked.at, (1 - BOUNCED) * SEEN * logistic(odds))
        answers = (rng.random(rows) < logistic(odds)) & (answered < self.company.last)
        back = np.flatnonzero(answers & self.customers.here(who, answered))
        number = self.writer.number("survey_invitations", rows) + np.arange(rows)
        seen = np.where(seen < self.company.last, seen, NEVER)
        self._write_invitations(survey, asked, number, delivered, seen, bounced)
        complete = rng.random(len(back)) > 1 - COMPLETE
        return self._sheet(survey, asked.only(back), number[back], answered[back], complete), back

    def _write_invitations(
        self, survey: Survey, asked: Asked, number: Array, delivered: Array, seen: Array, bounced: Array
    ) -> None:
        rows, end = len(number), self.company.last
        left = (self.rng.random(rows) < 0.012) & (seen < NEVER)
        updated = np.max([asked.at, np.where(delivered < end, delivered, 0), np.where(seen < end, seen, 0)], axis=0)
        self.writer.append(
            "survey_invitations",
            idents("I", number, width=8),
            updated,
            {
                "survey_id": constant(survey.name, rows),
                "customer_id": self.writer.contacts(asked.customer),
                "account_id": self.writer.accounts(self.customers.account[asked.customer]),
                "channel": constant(survey.channel, rows),
                "touchpoint": constant(survey.touchpoint, rows),
                "sent_at": instants(asked.at),
                "delivered_at": instants(delivered, end),
                "seen_at": instants(seen, end),
                "bounced": flags(bounced),
                "unsubscribed": flags(left),
            },
        )

    def _sheet(self, survey: Survey, asked: Asked, invitation: Array, answered: Array, complete: Array) -> Sheet:
        rows, who = len(answered), np.maximum(asked.customer, 0)
        known = asked.customer >= 0
        fresh = month_of(self._starts, answered) >= round(self.company.months * NEW_WORDING)
        return Sheet(
            survey,
            submission=self.writer.number("submissions", rows) + np.arange(rows),
            invitation=invitation,
            customer=asked.customer,
            account=np.where(known, self.customers.account[who], -1),
            language=np.where(known, self.customers.language[who], 0),
            asked=asked.at,
            answered=answered,
            complete=complete,
            conversation=asked.conversation,
            order=asked.order,
            agent=asked.agent,
            version=(fresh & (survey is questions.RELATIONSHIP)).astype(np.int64),
        )

    def _shift(self, name: str, sheet: Sheet) -> Array:
        """What incident, improvement and trend do to a latent satisfaction at the time of each answer."""
        return self._effect(name, sheet.customer, sheet.answered)

    def _effect(self, name: str, customer: Array, at: Array) -> Array:
        month, result = month_of(self._starts, at), np.zeros(len(at))
        for each in np.unique(month):
            mine = month == each
            result[mine] = self.company.effect(name, int(each), self.customers.exposure[customer[mine]])
        return result

    def _tally_nps(self, name: str, customer: Array, at: Array, counted: Array | None = None) -> tuple[Array, Array]:
        """Each one's chance to be a promoter and a detractor, which also goes into the truth."""
        who = self.customers
        latent = column(SEGMENTS, "nps")[who.segment[customer]] + column(REGIONS, "nps")[who.region[customer]]
        latent = latent + MOOD_ON_NPS * who.mood[customer] + self._effect("nps", customer, at)
        promoter, detractor = logistic(latent - PROMOTER_CUT), 1 - logistic(latent - DETRACTOR_CUT)
        one = np.ones(len(customer)) if counted is None else counted.astype(float)
        for part, values in (("promoters", promoter), ("detractors", detractor), ("answers", 1.0)):
            self._tally(f"{name}_{part}", customer, at, values * one)
        return promoter, detractor

    def _tally(self, name: str, customer: Array, at: Array, values: Array) -> None:
        segment, region = self.customers.segment[customer], self.customers.region[customer]
        self.tally.add(name, month_of(self._starts, at), segment, region, values)

    def _main(self, sheet: Sheet) -> Array:
        """Which submissions answer their main question: the same draw for the truth and for the rows."""
        return np.asarray(sheet.submission % 50 != 17)  # two of a hundred are skipped

    def _satisfaction(self, sheet: Sheet, odds: Array | float) -> None:
        who = self.customers
        latent = column(SEGMENTS, "csat")[who.segment[sheet.customer]] + odds
        best = logistic(latent + 0.4 * who.mood[sheet.customer] + self._shift("csat", sheet))
        counted = self._main(sheet)
        name = f"csat_{sheet.survey.name}".replace("-", "_")
        self._tally(f"{name}_satisfied", sheet.customer, sheet.answered, best * counted)
        self._tally(f"{name}_answers", sheet.customer, sheet.answered, counted.astype(float))
        self._write(
            sheet, questions.CSAT, scores(self.rng, questions.CSAT, best, 1 - best), low=2, high=5, comments=0.3
        )

    def _effort(self, sheet: Sheet, odds: Array) -> None:
        who = self.customers
        latent = 0.8 * column(SEGMENTS, "csat")[who.segment[sheet.customer]] + odds
        best = logistic(latent + 0.3 * who.mood[sheet.customer] + self._shift("csat", sheet))
        counted = self._main(sheet)
        self._tally("ces_easy", sheet.customer, sheet.answered, best * counted)
        self._tally("ces_answers", sheet.customer, sheet.answered, counted.astype(float))
        score = scores(self.rng, questions.CES, best, 0.7 * (1 - best))
        self._write(sheet, questions.CES, score, low=3, high=7, comments=0.2)

    def _first_time(self, sheet: Sheet, reopened: Array, longer: Array) -> None:
        """Whether the first contact solved it, in the customer's own view; not in unfinished questionnaires."""
        yes = 0.86 - 0.5 * reopened - 0.12 * longer
        solved = scores(self.rng, questions.FCR, yes, 1 - yes)
        rest = np.flatnonzero(sheet.complete)
        write_answers(self.writer, self.rng, sheet, questions.FCR, rest, score=solved[rest], choice=solved[rest])

    def _write(
        self, sheet: Sheet, question: questions.Question, score: Array, *, low: int, high: int, comments: float
    ) -> None:
        """The main question with its comments: angry up to the score `low`, delighted from `high` on."""
        rows = len(sheet)
        tone = np.digitize(score, (low + 1, high))
        codes = kind_codes("comment:bad", "comment:plain", "comment:good")[tone]
        comment = np.where(self.rng.random(rows) < comments, codes, -1)
        score = np.where(self._main(sheet), score, -1)
        first = self.writer.rows["survey_responses"]
        write_answers(self.writer, self.rng, sheet, question, np.arange(rows), score=score, comment=comment)
        written = np.flatnonzero(comment >= 0)
        text, author = idents("R", first + written, width=8), self.writer.contacts(sheet.customer[written])
        language, at = sheet.language[written], sheet.answered[written]
        write_readings(
            self.writer, self.company, self.reader, "survey_responses", text, author, language, at, tone[written]
        )
