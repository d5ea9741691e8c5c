"""The words everyone shares: one file is one canonical table, with its columns, key, instant and private fields."""
