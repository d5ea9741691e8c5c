"""Tells the whole history of the simulated company, month by month, and writes it down."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from wellheard.simulate.account_history import versions_of, write_accounts
from wellheard.simulate.accounts import Accounts, found_accounts
from wellheard.simulate.almanac import write_almanac
from wellheard.simulate.appointments import write_appointments
from wellheard.simulate.company import Array, Company
from wellheard.simulate.customers import Customers, found_customers, write_customers
from wellheard.simulate.expectations import expectations
from wellheard.simulate.flaws import Flaws
from wellheard.simulate.lives import live
from wellheard.simulate.orders import bill, spend, write_subscriptions
from wellheard.simulate.readings import write_health, write_values
from wellheard.simulate.referrals import referrers, write_referrals, write_unheard
from wellheard.simulate.reviews import write_feedback
from wellheard.simulate.shop import Shop, surveyed
from wellheard.simulate.standing import write_standing_orders
from wellheard.simulate.support import Desk, open_cases, write_conversations
from wellheard.simulate.surveys import Interviewer
from wellheard.simulate.truth import Tally, write_truth
from wellheard.simulate.usage import write_usage
from wellheard.simulate.volume import USUAL, Volume
from wellheard.simulate.writer import Writer, Written

END = date(2026, 11, 1)


def simulate(
    out: Path,
    *,
    customers: int = 5000,
    months: int = 24,
    seed: int = 7,
    end: date = END,
    duplicates: float = 0.0,
    gaps: int = 0,
    volume: Volume = USUAL,
) -> Written:
    """Writes the made-up company Larkfield into the folder `out`: a file a canonical table, and `truth.json`.

    `customers` contacts live through `months` months up to the day `end`, midnight UTC and exclusive. The same
    arguments give the same files. `duplicates` is the share of rows that are delivered twice, `gaps` the number of
    days of which no visits and no usage arrived, `volume` says of what there is more or less than usual. Memory holds
    at most `company.PART` contacts with their contracts, and what `company.BLOCK` of them do in one month; a larger
    company has a file a table for each part. Raises BadCall when an argument is out of its range.
    """
    company = Company(customers, months, seed, end, volume=volume)
    flaws, tally = Flaws(company, duplicates, gaps), Tally(company)
    with Writer(out, flaws) as writer:
        write_almanac(writer, company)
        for part in company.parts():
            accounts, contacts = _write_part(writer, part, tally)
            writer.turn(accounts, contacts)
    truth = write_truth(out / "truth.json", company, tally, expectations(company, flaws))
    return writer.written(truth)


def _write_part(writer: Writer, company: Company, tally: Tally) -> tuple[int, int]:
    """Lets one part of the company live; returns how many accounts and contacts it has."""
    accounts = found_accounts(company)
    people = found_customers(company, accounts, live(company, accounts))
    tally.add_churn(people.lives)
    _write_population(writer, company, accounts, people)
    for month in range(company.months):
        for block, who in people.blocks():
            _write_month(writer, company, accounts, people, tally, month, block, who)
        bill(writer, company, people, month)
        spend(writer, company, accounts, people, month)
    return len(accounts), len(people)


def _write_population(writer: Writer, company: Company, accounts: Accounts, people: Customers) -> None:
    """What is known as a whole: accounts, contacts, contracts and recommendations."""
    versions = versions_of(company, accounts, people.lives)
    write_accounts(writer, accounts, versions)
    by, at = referrers(company, accounts, people)
    write_customers(writer, company, accounts, people, versions, by)
    write_subscriptions(writer, company, people, accounts)
    write_referrals(writer, company, people, by, at)


def _write_month(
    writer: Writer,
    company: Company,
    accounts: Accounts,
    people: Customers,
    tally: Tally,
    month: int,
    block: int,
    who: Array,
) -> None:
    """What a block of contacts did in a month."""
    cases = open_cases(writer, company, people, month, block, who)
    desk = Desk(company, people, month, block, cases)
    outcome = desk.work()
    write_conversations(writer, company, cases, desk, outcome)
    visits, orders = Shop(writer, company, accounts, people, tally, month, block).open(who)
    write_standing_orders(writer, company, accounts, people, month, block, who)
    write_usage(writer, company, people, month, block, who)
    write_appointments(writer, company, people, month, block, who)
    write_health(writer, company, people, month, block, who)
    write_values(writer, company, people, month, block, who)
    write_feedback(writer, company, people, month, block, who)
    write_unheard(writer, company, people, month, block, who)
    interviewer = Interviewer(writer, company, people, tally, month, block)
    interviewer.relationship(who)
    interviewer.after_support(cases, outcome)
    interviewer.onboarding(who)
    interviewer.after_purchase(orders.customer, orders.at, orders.number)
    interviewer.pulse(who)
    asked = surveyed(company, month, block, visits)
    interviewer.website(visits.customer[asked], visits.at[asked] + 30, visits.intent[asked])
