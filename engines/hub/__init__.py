"""Model files: pulling them from a hub, and storing them in the hub's own cache layout."""
