"""What a class sends to a server, and what it is told."""
