"""When this, do that, and write down that it was done: rules, cases, and the channels by which messages leave."""
