"""Turn what is known into bytes that Prometheus and other programs read."""
