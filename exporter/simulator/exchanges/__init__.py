"""Simulate the exchanges, one module for each."""
