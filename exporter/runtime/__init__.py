"""Provide the process's clock, threads, log and event loop lag."""
