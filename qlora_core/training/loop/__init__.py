"""The loop that trains: one step after another, as events."""
