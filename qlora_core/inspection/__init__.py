"""What is inside a run: its four bits, its adapter, and how its answers come about."""
