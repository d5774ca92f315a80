"""The benchmarks, on a model so small that they take seconds: what they say, never how fast anything was."""
