"""A run as the tabs read it."""

import pytest

from qlora_core.errors import RunError
from qlora_core.store.run import Run
from qlora_core.ui.reading import reading


def test_a_damaged_result_is_one_plain_error(finished_run: Run) -> None:
    for error in (KeyError("metrics"), TypeError(), ValueError(), AttributeError()):
        with pytest.raises(RunError, match="is damaged"), reading(finished_run):
            raise error
