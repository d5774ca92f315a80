"""The pretending server, started as ``python -m tests.page.marked_server``: it marks every text of a language."""

import runpy

from tests.marked import every_text_marked

if __name__ == "__main__":
    with every_text_marked():
        runpy.run_module("tests.page.pretending_server", run_name="__main__")
