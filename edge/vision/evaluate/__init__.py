"""How good the networks are, measured: metrics, labelled pictures, speed, and the page that shows it.

Used by `icv models bench`; nothing that runs in a car imports it.
"""
