"""The store's layouts, one step a file, run in order when a program opens a store.

A step is `versions/vNNNN_words.py` with `revision = "NNNN"`, `down_revision` the number before it, and `upgrade()`.
Numbers go up by one and are compared as text. A step that has been released is never changed. There is no way back:
a backup is.
"""
