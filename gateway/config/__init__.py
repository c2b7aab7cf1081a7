"""The settings: what they are, where they come from, and how they are checked and shown."""
