"""Changing the world: routes, workloads, consumers."""
