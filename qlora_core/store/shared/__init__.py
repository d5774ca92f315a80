"""What several runs of a store share."""
