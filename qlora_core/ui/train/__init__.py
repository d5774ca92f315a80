"""The tab "Fine-tune"."""
