"""``python -m qlora_core``."""

import sys

from qlora_core.cli import main

sys.exit(main())
