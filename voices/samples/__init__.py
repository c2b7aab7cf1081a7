"""Recordings of voices: read, measured, checked, prepared, kept."""
