"""Serve HTTP: connections, limits, and which clients are served; it knows no metric."""
