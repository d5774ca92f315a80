"""The package ``spaces``, where GPUs are lent: it is to be imported before Gradio and torch, so app.py begins here."""

import os

from qlora_core.child_process import ZERO_GPU_VARIABLE

ARE_LENT = bool(os.environ.get(ZERO_GPU_VARIABLE))

if ARE_LENT:
    import spaces

    del spaces
