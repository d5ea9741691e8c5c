"""The pages: a file and its templates each. The server finds a page by its `routes`."""
