"""What is sent when: pure functions and small state machines of time and state."""
