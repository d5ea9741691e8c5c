"""One file or folder a system; each yields rows for the canonical tables."""
