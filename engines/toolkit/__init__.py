"""What adapters share: devices, voice activity detection, windows, samples."""
