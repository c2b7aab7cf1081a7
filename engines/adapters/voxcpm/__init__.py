"""The engine `voxcpm`: VoxCPM2."""
