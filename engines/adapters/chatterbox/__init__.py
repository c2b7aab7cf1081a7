"""The engines `chatterbox` and `chatterbox-turbo`: Chatterbox, in 23 languages and in English."""
