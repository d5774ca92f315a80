"""Shared fixtures: no test may reach a network, and a tiny random BERT stands in for a real one."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
