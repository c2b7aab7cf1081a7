"""Encoders: PCM into files, in threads and in processes of their own."""
