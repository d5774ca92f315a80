"""Adapter and base model as one, for those who serve without PEFT and bitsandbytes."""
