"""Say what assets are worth: quotes from public tickers, prices by route, values of accounts."""
