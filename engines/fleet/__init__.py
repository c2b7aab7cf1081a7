"""The engines that run: workers, their slots, the schedule, and streams that are let in."""
