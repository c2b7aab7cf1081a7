"""API keys, checks of hosts and origins, cross-origin headers."""
