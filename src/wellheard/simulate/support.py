"""Customers write, bots and people answer: the conversations of a month, each told to its end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wellheard.simulate.columns import constant, flags, idents, instants, money, numbers, words
from wellheard.simulate.company import DAY, HOME_CURRENCY, NEVER, REGIONS, SEGMENTS, Array, Company, column
from wellheard.simulate.customers import Customers
from wellheard.simulate.rhythm import moments, skewed, work_on
from wellheard.simulate.transcripts import (
    AGENTS,
    AUTOMATION,
    BOT,
    CLOSED,
    CUSTOMER,
    DESKS,
    FIRST_AGENT,
    FIRST_TEAM,
    HUMAN,
    OPEN,
    PENDING,
    SOLVED,
    STATUSES,
    TEAMS,
    Transcript,
)
from wellheard.simulate.voices import kind_codes, phrases
from wellheard.simulate.writer import Writer

CHANNELS = ("email", "chat", "web", "phone")
CHANNEL_SHARES = (0.36, 0.38, 0.16, 0.10)
REPLY_BY_CHANNEL = np.array([1.0, 0.12, 1.1, 0.03])
TOPICS = ("billing", "bug", "how_to", "integration", "access", "performance", "add_on", "idea")
TOPIC_WEIGHTS = np.array([0.16, 0.17, 0.22, 0.11, 0.12, 0.06, 0.09, 0.07])
TEAM_OF_TOPIC = np.array([3, 1, 1, 1, 1, 1, 3, 1])  # places in TEAMS
PRIORITIES = ("low", "normal", "high", "urgent")
REPLY_BY_PRIORITY = np.array([1.6, 1.0, 0.6, 0.35])
SEVERITIES = ("S4", "S3", "S2", "S1")
OPENERS = ("customer", "human", "bot", "automation")
# Answered by people, by the bot, begun by us, never answered, begun by a machine, merged away, spam.
ASKED, BY_BOT, OURS, SILENT, ALERT, MERGED, SPAM = range(7)
OPENER_OF_KIND = np.array([0, 0, 1, 0, 3, 0, 0])
OURS_SHARE, ALERT_SHARE, SILENT_SHARE, SPAM_SHARE = 0.05, 0.03, 0.015, 0.01
BOT_SHARE, BOT_SHARE_LATER, BOT_RETURNS = 0.26, 0.36, 0.18  # of chats, before and after the improvement
MERGE_SHARE, MERGE_WITHIN = 0.35, 3 * DAY
REOPENS, REOPENS_AGAIN = 0.075, 0.15
MORE_ROUNDS, MOST_ROUNDS = 0.45, 6
REPLY_SPREAD = 1.15  # standard deviation of the logarithm
CLOSES_AFTER = 4 * DAY
COST_AN_HOUR = 3400  # cents


@dataclass(frozen=True)
class Cases:
    """A batch of conversations in order of opening. `merged` is a place in the batch or -1."""

    number: Array
    customer: Array
    account: Array
    segment: Array
    region: Array
    language: Array
    opened: Array
    kind: Array
    channel: Array
    topic: Array
    priority: Array
    severity: Array
    agent: Array
    merged: Array

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True)
class Outcome:
    """How each conversation went. Instants are NEVER where nothing of the kind came; `wait` is the natural logarithm
    of the first reply's time over what is usual for segment and channel."""

    replied: Array
    solved: Array
    reopened: Array
    wait: Array
    rounds: Array
    escalated: Array
    agent: Array


def open_cases(writer: Writer, company: Company, customers: Customers, month: int, block: int, who: Array) -> Cases:
    """Who writes in this month, when and about what."""
    rng = company.rng("conversations", month, block)
    fresh = np.where(company.start(month) - customers.created[who] < 45 * DAY, 1.8, 1.0)
    rate = column(SEGMENTS, "asks")[customers.segment[who]] * customers.talk[who] * fresh
    rate = rate * company.effect("volume", month, customers.exposure[who]) * company.volume.conversations
    customer = np.repeat(who, rng.poisson(rate))
    opened = moments(company, rng, month, customers.zone[customer], "work")
    here = customers.here(customer, opened)
    order = np.argsort(opened[here], kind="stable")
    customer, opened = customer[here][order], opened[here][order]
    rows = len(customer)
    segment, region = customers.segment[customer], customers.region[customer]
    topic = _topics(company, rng, month, customers.exposure[customer])
    channel = rng.choice(len(CHANNELS), rows, p=CHANNEL_SHARES)
    kind, merged = _kinds(company, rng, month, channel, customer, opened)
    urgency = rng.random(rows) + 0.12 * segment + 0.15 * (topic == TOPICS.index("performance"))
    return Cases(
        number=writer.number("conversations", rows) + np.arange(rows),
        customer=np.where(kind == SPAM, -1, customer),
        account=customers.account[customer],
        segment=segment,
        region=region,
        language=customers.language[customer],
        opened=opened,
        kind=kind,
        channel=np.where(np.isin(kind, (OURS, ALERT, SPAM)), 0, channel),
        topic=topic,
        priority=np.digitize(urgency, (0.25, 0.80, 1.0)),
        severity=np.digitize(urgency + 0.1 * rng.normal(0, 1, rows), (0.45, 0.85, 1.05)),
        agent=region * DESKS + (DESKS * rng.random(rows) ** 1.3).astype(np.int64),
        merged=merged,
    )


def _topics(company: Company, rng: np.random.Generator, month: int, exposure: Array) -> Array:
    """A bad release makes people write about slowness."""
    slow = TOPICS.index("performance")
    weights = np.repeat(TOPIC_WEIGHTS[None, :], len(exposure), axis=0)
    weights[:, slow] *= company.effect("volume", month, 4 * exposure)
    total = np.cumsum(weights, axis=1)
    drawn = rng.random(len(exposure))[:, None] * total[:, -1:]
    return np.asarray((drawn >= total).sum(axis=1))


def _kinds(
    company: Company, rng: np.random.Generator, month: int, channel: Array, customer: Array, opened: Array
) -> tuple[Array, Array]:
    """How each conversation goes, and into which other one it is merged."""
    rows = len(channel)
    kind = np.full(rows, ASKED)
    shares = np.cumsum([OURS_SHARE, ALERT_SHARE, SILENT_SHARE, SPAM_SHARE])
    draw, by_bot = rng.random(rows), rng.random(rows)
    for limit, each in reversed(list(zip(shares, (OURS, ALERT, SILENT, SPAM), strict=True))):
        kind[draw < limit] = each
    share = BOT_SHARE_LATER if month >= company.improvement else BOT_SHARE
    kind[(kind == ASKED) & (channel == CHANNELS.index("chat")) & (by_bot < share)] = BY_BOT
    order = np.lexsort((opened, customer))
    before = np.roll(order, 1)
    close = (customer[order] == customer[before]) & (opened[order] - opened[before] < MERGE_WITHIN)
    close &= (kind[order] == ASKED) & (kind[before] == ASKED) & (rng.random(rows) < MERGE_SHARE)
    close[:1] = False
    close &= ~np.roll(close, 1)  # so that the one it goes into is itself not merged away
    merged = np.full(rows, -1)
    merged[order[close]] = before[close]
    kind[merged >= 0] = MERGED
    return kind, merged


class Desk:
    """Works through a batch of cases and writes down who says and does what."""

    def __init__(self, company: Company, customers: Customers, month: int, block: int, cases: Cases) -> None:
        self.company, self.cases, self.month = company, cases, month
        self.rng = company.rng("desk", month, block)
        self.script = Transcript()
        rows = len(cases)
        exposure = column(REGIONS, "exposure")[cases.region]
        slow = company.effect("reply", month, exposure)
        self.usual = column(SEGMENTS, "reply")[cases.segment] * REPLY_BY_CHANNEL[cases.channel]
        self.pace = self.usual * column(REGIONS, "reply")[cases.region] * REPLY_BY_PRIORITY[cases.priority] * slow
        self.reopens = REOPENS * company.effect("reopen", month, exposure)
        self.replied, self.solved = np.full(rows, NEVER), np.full(rows, NEVER)
        self.reopened, self.wait = np.zeros(rows, int), np.zeros(rows)
        self.rounds = np.minimum(self.rng.geometric(1 - MORE_ROUNDS, rows), MOST_ROUNDS)
        self.escalated, self.agent = np.zeros(rows, dtype=bool), cases.agent.copy()
        mood = customers.mood[np.maximum(cases.customer, 0)] + self.rng.normal(0, 1, rows) - 1.2 * (slow - 1)
        self.tone = kind_codes("tone:bad", "tone:plain", "tone:good")[np.digitize(mood, (-0.9, 0.9))]

    def work(self) -> Outcome:
        """Takes every case from its first message to its last event."""
        self._receive()
        starts = [(self._of(ASKED), self.cases.opened[self._of(ASKED)]), self._by_bot()]
        starts += [self._begun_by_us(OURS), self._begun_by_us(ALERT)]
        case = np.concatenate([each for each, _ in starts])
        start = np.concatenate([each for _, each in starts])
        last = self._converse(case, start)
        self._solve(case, last)
        self._reopen(case)
        self._close()
        return Outcome(self.replied, self.solved, self.reopened, self.wait, self.rounds, self.escalated, self.agent)

    def _of(self, *kinds: int) -> Array:
        return np.flatnonzero(np.isin(self.cases.kind, kinds))

    def _receive(self) -> None:
        """The first message, the opening event, and what a machine says at once."""
        cases, script = self.cases, self.script
        every = np.arange(len(cases))
        script.change(every, cases.opened, "status", -1, OPEN, OPENER_OF_KIND[cases.kind])
        asked = self._of(ASKED, BY_BOT, SILENT, MERGED)
        problem = kind_codes(*(f"problem:{topic}" for topic in TOPICS))
        script.say(asked, cases.opened[asked], CUSTOMER, problem[cases.topic[asked]], tone=self.tone[asked])
        chat = asked[cases.channel[asked] == CHANNELS.index("chat")]
        soon = cases.opened[chat] + self.rng.integers(1, 4, len(chat))
        script.say(chat, soon, BOT, phrases().code("greeting"), auto=True)
        script.change(chat, cases.opened[chat], "team", -1, FIRST_TEAM, BOT)
        mail = asked[cases.channel[asked] == CHANNELS.index("email")]
        mail = mail[self.rng.random(len(mail)) < 0.6]
        script.say(mail, cases.opened[mail] + 2, AUTOMATION, phrases().code("receipt"), auto=True)
        spam = self._of(SPAM)
        script.say(spam, cases.opened[spam], CUSTOMER, phrases().code("spam"))

    def _by_bot(self) -> tuple[Array, Array]:
        """The bot answers and closes; some customers come back and want a person. Returns who does, and when."""
        case = self._of(BY_BOT)
        said = self.cases.opened[case] + self.rng.integers(5, 60, len(case))
        solved = said + self.rng.integers(30, 600, len(case))
        self.script.say(case, said, BOT, phrases().code("bot"))
        self.script.change(case, solved, "status", OPEN, SOLVED, BOT)
        self.solved[case] = solved
        back = self.rng.random(len(case)) < BOT_RETURNS
        case, solved = case[back], solved[back]
        again = solved + np.minimum(skewed(self.rng, 1.1 * DAY, 1.0, len(case)), CLOSES_AFTER - DAY // 2)
        self._come_back(case, again)
        return case, again

    def _come_back(self, case: Array, at: Array) -> None:
        self.script.say(case, at, CUSTOMER, phrases().code("again"), tone=self.tone[case])
        self.script.change(case, at, "status", SOLVED, OPEN, CUSTOMER)
        self.solved[case] = NEVER
        self.reopened[case] += 1

    def _begun_by_us(self, kind: int) -> tuple[Array, Array]:
        """We or a machine write first. Returns who answers, and when; the rest is closed after a week."""
        case = self._of(kind)
        at = self.cases.opened[case]
        if kind == OURS:
            self.script.say(case, at, HUMAN, phrases().code("outreach"), agent=self.cases.agent[case])
        else:
            self.script.say(case, at, AUTOMATION, phrases().code("alert"))
        answers = self.rng.random(len(case)) < 0.45
        self.script.change(case[~answers], at[~answers] + 7 * DAY, "status", OPEN, CLOSED, AUTOMATION)
        case = case[answers]
        at = at[answers] + np.minimum(skewed(self.rng, 20 * 3600, 1.0, len(case)), 6 * DAY)
        self.script.say(case, at, CUSTOMER, phrases().code("detail"), tone=self.tone[case])
        return case, at

    def _converse(self, case: Array, start: Array) -> Array:
        """People answer, and ask and answer again. Returns when each case saw its last reply."""
        cases, script = self.cases, self.script
        delay = skewed(self.rng, self.pace[case], REPLY_SPREAD, len(case))
        last = work_on(self.company, cases.region[case], start, delay)
        self.replied[case] = last
        self.wait[case] = np.log(delay / self.usual[case])
        self._assign(case, start, last)
        script.say(case, last, HUMAN, phrases().code("answer"), agent=self.agent[case])
        self._escalate(case, last)
        quick = np.where(cases.channel[case] % 2 == 1, 0.05, 1.0)  # chat and telephone
        for turn in range(2, MOST_ROUNDS + 1):
            on = self.rounds[case] >= turn
            who, at = case[on], last[on]
            asked = at + skewed(self.rng, 8000 * quick[on], 1.2, len(who))
            script.change(who, at, "status", OPEN, PENDING, HUMAN)
            script.say(who, asked, CUSTOMER, phrases().code("detail"))
            script.change(who, asked, "status", PENDING, OPEN, CUSTOMER)
            later = np.where(self.escalated[who] & (turn == 2), 20_000, 0.6 * self.pace[who])
            last[on] = work_on(self.company, cases.region[who], asked, skewed(self.rng, later, 1.0, len(who)))
            script.say(who, last[on], HUMAN, phrases().code("answer"), agent=self.agent[who])
        return last

    def _assign(self, case: Array, start: Array, replied: Array) -> None:
        """A team and an agent take the case before the first reply; some leave a note."""
        at = replied - np.minimum(self.rng.integers(5, 900, len(case)), (replied - start) // 2)
        team = FIRST_TEAM + TEAM_OF_TOPIC[self.cases.topic[case]]
        chat = self.cases.channel[case] == CHANNELS.index("chat")
        self.script.change(case[chat], start[chat] + 1, "team", FIRST_TEAM, team[chat], BOT)
        self.script.change(case[~chat], start[~chat], "team", -1, team[~chat], AUTOMATION)
        self.script.change(case, at, "agent_id", -1, FIRST_AGENT + self.agent[case], AUTOMATION)
        noted = self.rng.random(len(case)) < 0.12
        who = case[noted]
        self.script.say(who, at[noted], HUMAN, phrases().code("note"), agent=self.agent[who], internal=True)

    def _escalate(self, case: Array, replied: Array) -> None:
        """Some cases go on to the technical team and to another agent."""
        topic = self.cases.topic[case]
        hard = np.isin(topic, [TOPICS.index(name) for name in ("bug", "performance", "integration")])
        up = (self.rng.random(len(case)) < np.where(hard, 0.14, 0.03)) & (self.rounds[case] > 1)
        who, at = case[up], replied[up] + 1
        self.escalated[who] = True
        team = FIRST_TEAM + TEAM_OF_TOPIC[self.cases.topic[who]]
        self.script.change(who, at, "team", team, FIRST_TEAM + TEAMS.index("Technical"), HUMAN)
        desk = self.agent[who] % DESKS
        other = self.agent[who] - desk + (desk + 1 + self.rng.integers(0, DESKS - 1, len(who))) % DESKS
        self.script.change(who, at, "agent_id", FIRST_AGENT + self.agent[who], FIRST_AGENT + other, HUMAN)
        self.agent[who] = other

    def _solve(self, case: Array, last: Array) -> None:
        thanked = self.rng.random(len(case)) < 0.3
        at = last + self.rng.integers(20, 600, len(case))
        who = case[thanked]
        thanks = last[thanked] + skewed(self.rng, 3000, 1.0, len(who))
        self.script.say(who, thanks, CUSTOMER, phrases().code("thanks"))
        at[thanked] = work_on(self.company, self.cases.region[who], thanks, skewed(self.rng, 900, 0.8, len(who)))
        self.script.change(case, at, "status", OPEN, SOLVED, HUMAN)
        self.solved[case] = at

    def _reopen(self, case: Array) -> None:
        """Some problems come back, and a few of those once more."""
        chance = self.reopens[case]
        for _ in range(2):
            back = self.rng.random(len(case)) < chance
            case = case[back]
            at = self.solved[case] + np.minimum(skewed(self.rng, 0.8 * DAY, 1.0, len(case)), CLOSES_AFTER - DAY // 2)
            self._come_back(case, at)
            reply = work_on(
                self.company, self.cases.region[case], at, skewed(self.rng, self.pace[case], 1.0, len(case))
            )
            self.script.say(case, reply, HUMAN, phrases().code("answer"), agent=self.agent[case])
            solved = reply + self.rng.integers(20, 900, len(case))
            self.script.change(case, solved, "status", OPEN, SOLVED, HUMAN)
            self.solved[case] = solved
            chance = np.full(len(case), REOPENS_AGAIN)

    def _close(self) -> None:
        """What is solved is closed after some days; the unanswered, the merged and the spam are closed as they are."""
        solved = np.flatnonzero(self.solved < NEVER)
        self.script.change(solved, self.solved[solved] + CLOSES_AFTER, "status", SOLVED, CLOSED, AUTOMATION)
        silent = self._of(SILENT)
        self.script.change(silent, self.cases.opened[silent] + 10 * DAY, "status", OPEN, CLOSED, AUTOMATION)
        off = self._of(MERGED, SPAM)
        delay = skewed(self.rng, 3600, 1.0, len(off))
        at = work_on(self.company, self.cases.region[off], self.cases.opened[off], delay)
        self.script.change(off, at, "status", OPEN, CLOSED, HUMAN)


def write_conversations(writer: Writer, company: Company, cases: Cases, desk: Desk, outcome: Outcome) -> None:
    """The tables `conversations`, `messages` and `status_events` of a batch. What the product's own clock works out
    from the messages is left out."""
    rng, rows = desk.rng, len(cases)
    first = int(cases.number[0]) if rows else 0
    status, since = desk.script.status_at_end(company, rows)
    manned = outcome.replied < company.last
    handling = np.where(manned, skewed(rng, 480.0 * outcome.rounds, 0.8, rows), 0)
    cents = np.where(manned, handling * COST_AN_HOUR // 3600, 15)
    team = np.where(outcome.escalated, TEAMS.index("Technical"), TEAM_OF_TOPIC[cases.topic])
    team = np.where(outcome.replied < NEVER, team, np.where(cases.channel == 1, 0, TEAM_OF_TOPIC[cases.topic]))
    known, moved = cases.customer >= 0, cases.merged >= 0
    writer.append(
        "conversations",
        idents("T", cases.number, width=8),
        desk.script.last_seen(company, rows),
        {
            "customer_id": writer.contacts(cases.customer, known),
            "account_id": writer.accounts(cases.account, known),
            "channel": words(CHANNELS, cases.channel),
            "topic": words(TOPICS, cases.topic, known),
            "severity": words(SEVERITIES, cases.severity),
            "priority": words(PRIORITIES, cases.priority),
            "status": words(STATUSES, status),
            "team": words(TEAMS, team),
            "agent_id": words(AGENTS, outcome.agent, manned),
            "opened_by": words(OPENERS, OPENER_OF_KIND[cases.kind]),
            "opened_at": instants(cases.opened),
            "closed_at": instants(np.where(status == CLOSED, since, NEVER), NEVER),
            "escalated": flags(outcome.escalated & manned),
            "merged_into": idents("T", first + cases.merged, moved, width=8),
            "spam": flags(cases.kind == SPAM),
            "schedule_id": words([region.schedule for region in REGIONS], cases.region),
            "handling_seconds": numbers(handling),
            "cost": money(cents),
            "currency": constant(HOME_CURRENCY, rows),
        },
    )
    desk.script.write(writer, company, rng, first, cases.customer, cases.language)
