"""Measurements that anybody can repeat. Each is a module with a command line: `python -m benchmarks.flip`."""
