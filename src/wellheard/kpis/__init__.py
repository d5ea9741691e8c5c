"""One KPI one file, found by name; a file carries its own words."""
