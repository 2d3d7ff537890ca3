"""Maps and signals as ISO 19091 defines them, for ETSI and SAE alike."""
