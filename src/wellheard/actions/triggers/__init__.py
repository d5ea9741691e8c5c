"""What a rule can wait for; one file is one trigger, and is found by itself."""
