"""The heavy libraries, imported on first use and by one thread alone.

datasets looks at whatever transformers has in ``sys.modules``, so that a thread that imports one of them must not meet
another that has the other half imported.
"""

from importlib import import_module
from threading import Lock

MODULES = (
    "torch",
    "transformers",
    "datasets",
    "qlora_core.prediction",
    "qlora_core.attribution",
    "qlora_core.notebook",
)

_lock = Lock()


def load_libraries() -> None:
    """Import torch, transformers, datasets and what is built on them; some seconds the first time, then nothing."""
    with _lock:
        for name in MODULES:
            import_module(name)
