"""The analytical store: connects an engine, loads by key and version, keeps imports and takes them back."""
