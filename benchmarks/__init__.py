"""Runnable comparisons; they print and assert nothing. Run as ``python -m benchmarks.NAME``."""
