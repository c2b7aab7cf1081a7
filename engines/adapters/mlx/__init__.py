"""Engines on Apple's MLX, by mlx-audio and without torch: Qwen3-TTS in its three kinds."""
