"""Where profiles and recordings are kept: database and blobs."""
