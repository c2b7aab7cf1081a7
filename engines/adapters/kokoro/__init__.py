"""The engine `kokoro`: Kokoro-82M."""
