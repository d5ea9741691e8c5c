"""Emoji as words, since the model's vocabulary has none of them."""

from __future__ import annotations

import re
import unicodedata

# What people mean by them when they write to a company; others are read by their own name.
MEANT = {
    "love it": "❤♥💕💖💗💓💞💘💝😍🥰😻💛💚💙💜🧡🤍",
    "very happy": "😀😃😄😁😊🙂☺😇🤗😸😺🥳🎉🎊😎🤩🥹😌",
    "very good": "👍👌👏🙌💯🔥✨⭐🌟🏆🥇🤘💪✅🚀🌹😋🤤",
    "thank you": "🙏",
    "funny": "😂🤣😆😅😹",
    "very angry": "😡😠🤬👿😤💢😾",
    "very bad": "👎💩🤮🤢🚮🗑❌🤡🤦",
    "very sad": "😢😭😞😔☹🙁😟😿💔😕😣😥😰🥺",
    "annoyed": "🙄😒😑😐😩😫😖😝",
    "afraid": "😱😨😧",
    "confused": "🤔🤷🤨",
    "surprised": "😮😲😯🤯",
    "": "\ufe0f\u200d♂♀" + "".join(chr(n) for n in range(0x1F3FB, 0x1F400)),
}
_WORDS = {ord(sign): f" {words} " if words else "" for words, signs in MEANT.items() for sign in signs}
_SMILEYS = (
    (re.compile(r"(?<!\w)[:;=]['o^-]?[)\]D}]+|\^\^|<3+"), " happy "),
    (re.compile(r"(?<!\w)[:=]['o^-]?[(\[/|]+(?!/)"), " sad "),
)
_PICTURE = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\u2b00-\u2bff]")
_REPEATED = re.compile(r"(?:\b([a-z]+(?: [a-z]+)?) +)(?:\1(?: +|$)){2,}")


def emoji_to_words(text: str) -> str:
    """The text with each emoji as English words; a run of the same emoji is said twice at most."""
    if not text.isascii():
        text = text.translate(_WORDS)
        text = _PICTURE.sub(lambda found: f" {unicodedata.name(found[0], '').lower()} ", text)
        text = _REPEATED.sub(r"\1 \1 ", text)
    for pattern, words in _SMILEYS:
        text = pattern.sub(words, text)
    return text
