"""Base models, their quantisation, and the adapter on top."""
