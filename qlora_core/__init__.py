"""Fine-tune BERT with QLoRA, measure what it changed, and take the adapter home."""

import logging

__version__ = "0.1.0"

logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # its import logs a hint about optional kernels
