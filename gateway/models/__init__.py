"""Models on this machine: which there are, pulling, loading and deleting them."""
