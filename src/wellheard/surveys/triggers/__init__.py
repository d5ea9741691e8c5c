"""What sets surveys off: one file each."""
