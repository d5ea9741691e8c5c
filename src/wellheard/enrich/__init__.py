"""Fills columns that `tables` declares, with the version that made them."""
