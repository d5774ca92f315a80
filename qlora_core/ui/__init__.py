"""The page: the only part of this package that imports gradio."""
