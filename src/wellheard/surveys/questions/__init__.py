"""Question types: one folder each, with `question.py`, `page.html`, `widget.js` and `words.toml`."""
