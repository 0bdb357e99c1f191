"""Run the exporter's demo under a real Prometheus and a real Alertmanager, without containers."""
