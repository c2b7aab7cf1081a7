"""Bytes and time: text to segments, PCM shaping, codecs, SSE, the response body."""
