"""The channels; one file is one, and is found by itself."""
