"""Define the commands: their flags, and what each of them does."""
