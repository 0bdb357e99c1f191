"""Compare the exporter with others, in one run on one machine."""
