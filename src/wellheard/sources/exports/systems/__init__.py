"""One file a system whose exports are known; each defines `EXPORT`."""
