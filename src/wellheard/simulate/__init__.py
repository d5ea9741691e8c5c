"""A made-up company with known truth, for the demo, the tests and the bench."""
