"""Expose the balances that exchanges hold for you to Prometheus."""

__version__ = "0.2.0.dev0"
