"""Tests of qlora_core.inspection."""
