"""``python -m qlora_core``."""

import sys

from qlora_core.cli.main import main

sys.exit(main())
