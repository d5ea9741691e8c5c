"""The ground: errors, settings, registry, periods, schedules and the only HTTP client. Imports nothing of ours."""
