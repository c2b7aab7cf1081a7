"""The engines that run: their workers and slots, the schedule of jobs, and the streams that are admitted."""
