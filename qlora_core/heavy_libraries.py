"""The heavy libraries, imported on first use and by one thread alone.

datasets looks at whatever transformers has in ``sys.modules``, so that a thread that imports one of them must not meet
another that has the other half imported.
"""

from importlib import import_module
from threading import Lock

LIBRARIES = ("torch", "transformers", "datasets", "peft", "bitsandbytes", "accelerate", "captum.attr")

_lock = Lock()


def load_libraries() -> None:
    """Import them all; some seconds the first time, then nothing."""
    with _lock:
        for name in LIBRARIES:
            import_module(name)
