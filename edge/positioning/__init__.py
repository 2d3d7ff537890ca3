"""Satellite positioning: NMEA 0183 on a serial line, or recorded."""
