"""What fleet platforms hear: a durable queue, JT/T 808 and its T/JSATL 12 alarms."""
