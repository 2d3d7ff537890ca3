"""Europe: the messages of ETSI, release 1 and 2."""
