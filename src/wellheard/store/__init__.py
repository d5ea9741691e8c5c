"""Operational state that must be transactional: people, tokens, surveys, rules, cases, ledger and inbox.

To add tables: describe them in a file of this room over `columns.METADATA`, and add the next migration in
`migrations/versions/` (see there). A test compares the two.
"""
