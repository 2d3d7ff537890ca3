"""Signed messages: IEEE 1609.2 and ETSI TS 103 097, and SM2 for China."""
