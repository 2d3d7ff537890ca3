"""United States: the messages of SAE J2735, received only."""
