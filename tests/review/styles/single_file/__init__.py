"""Good code, in a style of its own."""
