"""Spoil simulated responses on demand."""
