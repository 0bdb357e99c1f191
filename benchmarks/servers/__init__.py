"""Exporters that a benchmark starts, fills and scrapes; each is a program of its own."""
