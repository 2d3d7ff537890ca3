"""Messages longer than a frame: ISO-TP, J1939 transport, and diagnostics over them."""
