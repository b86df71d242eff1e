"""Changing the world: routes, workloads, what consumes."""
