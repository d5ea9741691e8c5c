"""The language in which KPIs are written: bricks, query, interval and compare."""
