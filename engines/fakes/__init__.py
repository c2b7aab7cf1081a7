"""Engines for tests, demonstrations and measurements."""
