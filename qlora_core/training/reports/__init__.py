"""What a run tells while it happens and once it has ended: to the store, to trackers, in its result and its card."""
