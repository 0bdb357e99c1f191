"""x."""
DASHBOARD = {"uid": "x"}
