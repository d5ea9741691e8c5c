"""When this, do that, and write down that it was done."""
