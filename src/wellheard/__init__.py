"""Wellheard measures customer experience."""
