"""CAN: frames, buses, log formats, DBC, decoding into the car's signals, encoding."""
