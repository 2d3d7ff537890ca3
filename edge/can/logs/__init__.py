"""CAN logs: one module per format, `reader` and `writer` choose among them."""
