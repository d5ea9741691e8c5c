"""A made-up company with known truth, for the demo, the tests and the bench; imports base and tables only."""

from wellheard.simulate.history import simulate
from wellheard.simulate.writer import Written

__all__ = ["Written", "simulate"]
