"""GPUs that Hugging Face lends to a Space, for a minute at a time."""
