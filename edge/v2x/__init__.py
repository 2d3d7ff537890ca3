"""V2X: message schemas and their codec, network framing, links, what is heard and what is sent."""
