"""SIMULATION: a made-up car, road, traffic and driver that give the inputs of real ones, with the truth."""
