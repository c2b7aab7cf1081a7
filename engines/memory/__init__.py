"""Memory: how much there is, which process holds it, and which models stop to make room."""
