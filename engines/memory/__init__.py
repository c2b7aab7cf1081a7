"""Memory: how much there is, who holds it, and whose models stop to make room."""
