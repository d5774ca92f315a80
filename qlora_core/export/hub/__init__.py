"""A run on the Hugging Face hub, in the account of the user whose token is given."""
