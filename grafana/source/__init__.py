"""Hold the dashboards in readable form; `python -m grafana.source` writes them as JSON."""
