"""Serve HTTP: one package that knows connections, formats and who may ask, and no metric."""
