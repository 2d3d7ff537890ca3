"""The dashboard: what the car sees and decides, on a page for a desk or a phone."""
