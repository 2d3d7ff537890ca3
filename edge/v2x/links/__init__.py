"""How packets travel: one port, many ways."""
