"""Programs that measure. `python -m bench`, or `make bench`; each gives figures, none is a test."""
