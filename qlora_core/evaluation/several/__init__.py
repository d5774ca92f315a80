"""What several runs say together: two against each other, one recipe over seeds, many settings."""
