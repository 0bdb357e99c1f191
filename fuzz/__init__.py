"""Feed any bytes to everything that parses external input, and check what it promises."""
