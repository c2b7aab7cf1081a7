"""VoxCPM2: the engine `voxcpm`."""
