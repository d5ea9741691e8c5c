"""Sentences of everyday talk, put together from lists of words, for training alone: what people feel, and plain facts.

Customers write of more than goods: they thank, hope, joke, worry and report. Reports are the largest part, because what
is told without a feeling is what a reader of complaints takes for one.
"""

from __future__ import annotations

import random

from training.data import Row

WHO = ("my brother", "my sister", "my neighbour", "a friend of mine", "the teacher", "our coach", "my boss",
       "the guy", "this woman", "my dad", "my mom", "the doctor", "a colleague", "the kid next door", "the author",
       "the player", "my cousin", "the mayor", "that girl", "the band", "his wife", "someone", "[NAME]",
       "the other team")  # fmt: skip
PLURAL = ("they", "people", "my parents", "the others", "some guys", "we", "you", "most players", "kids", "the fans")
PLACE = ("at the station", "in the park", "at work", "in my town", "at school", "on the train", "in the kitchen",
         "in the comments", "on the radio", "in the north", "at the airport", "in the last episode", "in this thread",
         "on the second page", "in the garden", "next to the bank", "in the city", "on TV")  # fmt: skip
WHEN = ("yesterday", "last year", "in 1998", "this morning", "two weeks ago", "on Monday", "tonight", "every day",
        "back then", "last season", "in the summer", "at nine", "after lunch", "a while ago", "next week",
        "when I was twelve")  # fmt: skip
THING = ("the book", "a car", "the game", "a letter", "this song", "the movie", "a sandwich", "the report", "a ticket",
         "the old house", "that picture", "the second season", "a bike", "the recipe", "an article", "the post",
         "the rule", "a coffee", "the list", "a dog", "the ball", "the map", "the video", "the answer")  # fmt: skip
DID = ("bought", "sold", "saw", "found", "mentioned", "brought", "opened", "picked up", "read", "talked about",
       "wrote", "looked at", "showed me", "took", "asked for", "watched", "left", "described")  # fmt: skip
DO = ("buy", "sell", "see", "find", "mention", "bring", "open", "pick up", "read", "talk about", "write", "watch")
GOOD = ("great", "awesome", "beautiful", "amazing", "brilliant", "lovely", "hilarious", "cute", "wonderful", "cool",
        "impressive", "perfect", "fantastic", "sweet", "incredible", "well done", "clever", "nice")  # fmt: skip
BAD = ("awful", "stupid", "terrible", "pathetic", "annoying", "horrible", "disgusting", "sad", "ridiculous", "toxic",
       "gross", "embarrassing", "disappointing", "wrong", "scary", "creepy", "lame", "trash", "a joke")  # fmt: skip
NAME = ("idiot", "jerk", "clown", "liar", "loser", "coward", "bully", "moron")
OPEN = ("", "", "", "", "Well, ", "I mean, ", "Honestly, ", "So ", "And ", "But ", "Yeah, ", "Oh, ", "Actually, ",
        "Dude, ", "Man, ", "Also, ")  # fmt: skip
END = (".", ".", ".", "", "!", "...")

PLAIN = (
    "{who} {did} {thing} {when}", "{who} {did} {thing} {place}", "I {did} {thing} {when}",
    "{plural} {did} {thing} {place}", "that was {when}, not {when2}", "it is {place}", "you can {do} {thing} {place}",
    "{who} is from the south", "{who} has two brothers", "there is one {place}", "I think it was {who}",
    "it depends on {thing}", "{plural} usually {do} {thing} {when}", "{who} said that {who2} {did} {thing}",
    "it means that you have to {do} {thing}", "{thing} is about {who}", "{who} will {do} {thing} {when}",
    "I was talking about {who}", "{plural} were {place} {when}", "the first one is {place}, the second one is not",
    "{who} is the one {place}", "it starts {when}", "you have to {do} {thing} first", "{who} works {place}",
    "if you {do} {thing}, {who} will {do} it too", "{who} just {did} {thing} and left", "that's {thing}, I think",
    "I live {place}", "most of {plural2} {do} {thing} before they {do2} it", "he is 25 and she is 30",
    "it was {who} who {did} {thing}", "I usually {do} {thing} with {who}", "this is from {when}",
    "{who} and {who2} {did} {thing} together", "try to {do} {thing} {when}", "tell {who} to {do} {thing}",
    "to {do} {thing}", "the one with {thing}", "it's the same as {thing}", "{who} told me {when}",
    "I'd say around ten", "{thing} is on the left", "that is what {who} said", "{who} used to {do} {thing} {place}",
    "not sure if {who} {did} it or {who2}", "I haven't {seen} {thing} yet", "{plural} don't {do} {thing} {place}",
    "it doesn't say who {did} {thing}", "{who} never {did} {thing}, it was {who2}", "no, that was {who}",
    "there were no tickets for {thing}, so {who} went home", "because {who} {did} it", "maybe {who} {did} it {when}",
    "I don't know {who}", "I have never been {place}", "{who} died {when}", "{who} didn't {do} {thing}",
    "they play against {who} {when}", "I'm {place} with {who}", "you could {do} {thing} instead",
    "{who} looks like {who2} from {place2}", "I remember when {who} {did} {thing}", "I meant {who}, not {who2}",
    "it's more like {thing} than {thing2}", "just {do} {thing} and then {do2} it again", "{plural} call it {thing}",
    "he probably {did} {thing} because {who} told him to", "she said she would {do} {thing} {when}",
    "we always {did} {thing} {when} as kids", "I thought {who} was the one who {did} {thing}",
    "depends on what {plural2} mean by {thing}", "{thing} costs about the same as {thing2}", "it was a war film",
    "{who} had a fight with {who2} {when}", "{who} was arrested {when}", "the accident was {when} {place}",
    "he got shot in the leg in the first season", "the police asked {who} about {thing}", "it's a joke about {thing}",
    "{who} lost the match {when}", "they killed the wolf in the story", "she broke up with him {when}",
    "{who} complained about {thing} {when}", "that's the opposite of what {who} said", "yes, {when}", "no, {place}",
    "it's {who} who wants to {do} {thing}", "would be around 20 bucks", "{plural} still {do} {thing} the old way",
    "next time {do} {thing} before you {do2} it", "my guess is {who}", "I'd {do} {thing} first", "check {thing}",
    "you're thinking of {who}", "ask {who}", "there's a difference between {thing} and {thing2}", "same here",
    "{who} isn't {who2}", "nobody {did} {thing} {when}", "both of {plural2} {did} {thing}", "it only works {place}",
    "[NAME] and [NAME] {place}", "[NAME] to [NAME]: {do} {thing}", "for me it was {thing}", "let {who} {do} {thing}",
    "some say {who} {did} it, others say {who2} did", "this is what {plural} mean when they {do} {thing}",
    "with {thing} you can see {who}", "I work with {who}, and he says that {plural2} {do} {thing}",
)  # fmt: skip
PLEASANT = (
    "thanks for {doing} {thing}", "thank you, I needed that", "thanks, I will try that", "that's {good}",
    "this is {good}, thanks for sharing", "{who} is {good}", "{thing} was {good}", "I love {thing}",
    "I love how {who} {did} {thing}", "lol, that made me laugh", "haha, {who} {did} {thing}", "lmao, {good}",
    "I'm so happy for {who}", "congrats, you earned it", "happy birthday to {who}", "I hope {who} gets well soon",
    "hope you have a {good} day", "take care of yourself, it gets better", "stay strong, we are with you",
    "I can't wait to {do} {thing}", "so excited to {do} {thing} {when}", "I wish I could {do} {thing} too",
    "I really want to {do} {thing}", "you're right, I agree", "good point", "makes sense to me", "that's fair, yes",
    "glad it all worked out", "what a relief that {who} is safe", "I'm proud of {who}", "well played, {who}",
    "good for {who}", "you are {good}, keep it up", "hopefully {who} will {do} {thing} {when}",
    "I'm sure it will be fine", "best thing I {seen} {when}", "respect to {who}", "I enjoyed {thing} a lot",
    "I like that {who} {did} {thing}", "wow, {thing} looks {good}", "this made my day", "happy to help",
    "welcome, glad to have you here", "good luck with {thing}", "no worries, you did well", "you got this",
    "{who} deserves it", "not bad at all, I like it", "it's funny because it's true", "ha, nice one",
    "I would love to {do} {thing}", "god I love {who}", "damn, that is {good}", "that's hilarious", "yes please",
    "lol {who} {did} {thing}", "haha yes", "LOL", "that's so true", "this is the way", "I was hoping for this",
    "exactly what I was thinking", "you have my support", "thanks, {who}", "sending hugs to {who}", "cheers, mate",
    "sorry to hear that, I hope you feel better soon", "don't give up, you can do it", "be safe out there",
    "I'm jealous, I want {thing} too", "hope {who} wins", "can't stop laughing at {thing}", "hell yeah",
    "I agree, {who} is {bad}", "you are not alone, we all care about you", "no problem, have fun",
    "oh my god, so {good}",
    "fingers crossed for {who}", "{who} is my hero", "love this", "what a {good} story", "I feel you, stay strong",
    "glad I'm not the only one", "that would be {good}", "it was worth it", "finally, {thing}", "fair enough",
    "I'm happy that nobody got hurt", "thank god {who} is okay", "looking forward to {thing}", "bless {who}",
    "{who} was kind to me", "I feel better now", "sounds like a {good} plan", "my favourite is {thing}",
)  # fmt: skip
UNPLEASANT = (
    "{who} is {bad}", "{thing} was {bad}", "that's {bad}", "I hate {thing}", "I hate it when {plural} {do} {thing}",
    "shut up, you {name}", "what a {name}", "{who} is such a {name}", "why would {who} {do} {thing}, that's {bad}",
    "I'm sorry for your loss", "sorry, my fault", "I'm so sorry, that must hurt", "I feel bad for {who}",
    "I miss {who} so much", "I cried when {who} left", "it breaks my heart", "I'm scared of {who}",
    "I'm worried about {who}", "this makes me nervous", "I was so embarrassed {place}", "I regret that I {did} {thing}",
    "I don't agree with {who}", "no, that's not how it works", "you are wrong about {thing}",
    "stop it, this isn't funny", "nobody asked for your opinion", "I expected more from {who}",
    "too bad that {who} {did} {thing}", "sadly {who} {did} {thing}", "ugh, {who} again", "{thing} makes me sick",
    "ew, {bad}", "I can't stand {who}", "get out of here", "{who} ruined {thing}", "worst thing I {seen} {when}",
    "I'm sick of {plural2}", "this pisses me off", "how dare {who} {do} {thing}", "what is wrong with {plural2}",
    "{who} lied to me", "I'm lonely and tired", "I have no friends left", "it's a shame that {who} {did} {thing}",
    "unfortunately I can't {do} {thing}", "damn, {who} got hurt", "that hurts", "I don't like {thing}",
    "{who} should be ashamed", "oh no, not {thing}", "I'm afraid {who} won't make it", "wtf is this",
    "f*** {who}", "this is bullshit", "what a waste of time", "I was let down by {who}", "terrible take",
)  # fmt: skip
TWICE = 0.35  # the part in which a plain sentence stands before or after
SIZE = 1.5  # the rating, of 4, that a sentence with a feeling is given
TURNS = ((PLAIN, 1), (PLEASANT, 2), (PLAIN, 1), (UNPLEASANT, 0), (PLAIN, 1), (PLEASANT, 2), (PLAIN, 1))


def talk(seed: int, n: int) -> list[Row]:
    """That many different sentences: four in seven neutral, two positive, one negative."""
    draw = random.Random(seed)
    found: dict[str, Row] = {}
    turn = 0
    while len(found) < n:
        lines, sentiment = TURNS[turn % len(TURNS)]
        turn += 1
        text = _said(draw, draw.choice(lines))
        if draw.random() < TWICE:
            both = [text, _said(draw, draw.choice(PLAIN))]
            draw.shuffle(both)
            text = " ".join(part if part[-1] in ".!?" else f"{part}." for part in both)
        found[text] = Row(text, sentiment, rating=(sentiment - 1) * SIZE)
    return list(found.values())


def _said(draw: random.Random, line: str) -> str:
    who, do, when, thing = (draw.sample(words, 2) for words in (WHO, DO, WHEN, THING))
    text = line.format(
        who=who[0], who2=who[1], plural=draw.choice(PLURAL), plural2=draw.choice(("these people", "them", "the fans")),
        place=draw.choice(PLACE), place2=draw.choice(("the show", "that film", "work", "school", "the news")),
        when=when[0], when2=when[1], thing=thing[0], thing2=thing[1], did=draw.choice(DID),
        seen=draw.choice(("seen", "read", "heard of", "tried")), do=do[0], do2=do[1],
        doing=draw.choice(("sharing", "explaining", "posting", "sending me")), good=draw.choice(GOOD),
        bad=draw.choice(BAD), name=draw.choice(NAME),
    )  # fmt: skip
    text = draw.choice(OPEN) + text
    shown = draw.random()
    text = text if shown < 0.2 else text.upper() if shown > 0.97 else text[0].upper() + text[1:]
    return text + draw.choice(END)
