"""Operational state that must be transactional: people, tokens, surveys, rules, cases, ledger and inbox."""
