"""Tests of qlora_core.ui.inside."""
