"""What is measured, against whom, in one run: `make bench`, or `make bench ONLY=scorecard SIZE=0.01`."""
