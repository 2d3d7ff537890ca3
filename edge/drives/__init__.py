"""Recordings of drives: MCAP files that survive a power cut and replay to the same decisions."""
