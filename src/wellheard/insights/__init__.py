"""Explains a KPI: one file a question."""
