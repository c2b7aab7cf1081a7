"""Model files: which there are, pulling them from a hub, and keeping them in the hub's own cache."""
