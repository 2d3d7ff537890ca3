"""SIMULATION: a made-up car, road, traffic and driver that give the same inputs as real ones, with the truth."""
