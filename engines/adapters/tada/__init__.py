"""The engine `tada`: HumeAI's TADA."""
