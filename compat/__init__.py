"""The dialects' wire shapes and names. No I/O."""
