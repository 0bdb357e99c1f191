"""Poll every account on schedule and within the exchanges' rate limits."""
