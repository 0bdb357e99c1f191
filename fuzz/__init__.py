"""Feed any bytes to whatever reads what others wrote, and hold it to what it promises."""
