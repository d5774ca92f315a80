"""Fine-tune BERT with QLoRA, measure what it changed, and take the adapter home."""

__version__ = "0.1.0"
