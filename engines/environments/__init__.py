"""Environments: Python interpreters of their own for engines whose libraries cannot share one."""
