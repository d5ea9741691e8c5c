"""Sentences with and without a negation, put together from lists of words, for training alone.

They are plain: not, never, no, nobody, nothing, without, neither, far from, hardly. The idioms by which people say no
stand among our own sentences, of which a half is kept to judge, and none is made here.
"""

from __future__ import annotations

import random

from training.data import Row

THINGS = (
    "room", "service", "delivery", "food", "app", "staff", "website", "battery", "screen", "seat", "price", "contract",
    "phone", "support", "driver", "packaging", "breakfast", "connection", "update", "manual", "hotline", "shop",
    "invoice", "booking", "refund", "dress", "shoes", "coffee", "course", "doctor", "insurance", "flight", "parking",
    "payment page", "search", "printer", "mattress", "team", "new version", "cable",
)  # fmt: skip
GOOD = ("good", "great", "helpful", "friendly", "clean", "reliable", "comfortable", "fast", "useful", "fair", "tasty",
        "clear", "easy to use", "satisfying", "professional", "pleasant", "worth the money", "as promised")  # fmt: skip
BAD = ("bad", "slow", "dirty", "rude", "expensive", "broken", "confusing", "disappointing", "annoying", "unreliable",
       "complicated", "noisy", "boring", "stressful", "overpriced", "terrible", "difficult", "useless")  # fmt: skip
TROUBLE = ("problems", "trouble", "complaints", "errors", "delays", "surprises", "worries", "hassle", "faults")
HELP = ("help", "answer", "explanation", "solution", "apology", "reply", "information", "improvement", "refund")
WORKS = ("works", "helps", "answers", "arrives on time", "does what it should", "keeps its promise")
FAILS = ("fails", "crashes", "breaks", "disappoints", "causes trouble", "arrives late", "annoys me")
PLEASED = ("happy", "satisfied", "pleased", "convinced", "impressed")
UPSET = ("disappointed", "annoyed", "unhappy", "frustrated", "angry")

POSITIVE = (
    "The {n} is not {bad}.", "The {n} was not {bad} at all.", "The {n} isn't {bad} any more.",
    "No {trouble} with the {n}.",
    "I never had {trouble} with the {n}.", "The {n} never {fails}.", "There were no {trouble} with the {n}.",
    "The {n} is no longer {bad}.", "Far from {bad}, the {n} is {good}.", "The {n} was anything but {bad}.",
    "The {n} is neither {bad} nor {bad2}.", "Everything went without {trouble}.", "I was not {upset} with the {n}.",
    "I have not had any {trouble} since I got the {n}.", "The {n} wasn't {bad}, it was {good}.",
    "Nobody was {bad2}, and the {n} was {good}.", "The {n} is {good}, not {bad}.", "The {n} is {good}.",
    "I don't find the {n} {bad}.", "It hasn't been {bad} for a moment.",
)  # fmt: skip
NEGATIVE = (
    "The {n} is not {good}.", "The {n} was not {good} at all.", "The {n} isn't {good} any more.",
    "No {help} from the {n}.",
    "I never got an {help2} about the {n}.", "The {n} never {works}.", "There was no {help} about the {n}.",
    "The {n} is no longer {good}.", "Far from {good}, the {n} is {bad}.", "The {n} was anything but {good}.",
    "The {n} is neither {good} nor {good2}.", "They left me without any {help}.", "I was not {pleased} with the {n}.",
    "I have not had any {help} since I got the {n}.", "The {n} wasn't {good}, it was {bad}.",
    "Nobody was {good2}, and the {n} was {bad}.", "The {n} is {bad}, not {good}.", "The {n} is {bad}.",
    "I don't find the {n} {good}.", "I do not like the {n}.", "The {n} doesn't work.", "The {n} is hardly {good}.",
    "The {n} is not as {good} as it was.", "I am not {pleased} at all.", "Nothing about the {n} is {good}.",
)  # fmt: skip
NEUTRAL = (
    "I have not used the {n} yet.", "I do not need the {n}.", "The {n} is not included.", "We did not order the {n}.",
    "I don't have the number of the {n}.", "There is no {n} in my order, as agreed.",
    "Is the {n} not part of the plan?",
    "I did not bring the {n} with me.", "The {n} has not been booked yet, please book it.",
)  # fmt: skip
SIZE = 1.5  # the rating, of 4, that such plain sentences are given


def pairs(seed: int, n: int) -> list[Row]:
    """That many different sentences: two fifths positive, two fifths negative, one fifth neutral."""
    draw = random.Random(seed)
    found: dict[str, Row] = {}
    kinds = ((POSITIVE, 2, SIZE), (NEGATIVE, 0, -SIZE), (POSITIVE, 2, SIZE), (NEGATIVE, 0, -SIZE), (NEUTRAL, 1, 0.0))
    turn = 0
    while len(found) < n:
        lines, sentiment, rating = kinds[turn % len(kinds)]
        turn += 1
        bad, good = draw.sample(BAD, 2), draw.sample(GOOD, 2)
        text = draw.choice(lines).format(
            n=draw.choice(THINGS), bad=bad[0], bad2=bad[1], good=good[0], good2=good[1], trouble=draw.choice(TROUBLE),
            help=draw.choice(HELP), help2=draw.choice(("answer", "explanation", "apology", "update")),
            works=draw.choice(WORKS), fails=draw.choice(FAILS), pleased=draw.choice(PLEASED), upset=draw.choice(UPSET),
        )  # fmt: skip
        found[text] = Row(text, sentiment, rating=rating)
    return list(found.values())
