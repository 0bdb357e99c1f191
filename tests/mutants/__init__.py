"""Measure what the tests notice: change the core at random places, and see whether one fails."""
