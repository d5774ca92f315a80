"""The tables that the live view's scripts need, so that they call everything what the rest of the program calls it."""

from typing import Any

from qlora_core.evaluation.answerers import ANSWERERS, COMPARED
from qlora_core.evaluation.metrics import METRICS
from qlora_core.language import gettext as _
from qlora_core.store.status import ENDED, LIVE, STATES
from qlora_core.ui.words.train import PHASES


def tables() -> dict[str, Any]:
    """States (what may still come of one: live, over, complete), phases, answerers, which of them are to be beaten, and
    metrics (its label as a heading and inside a sentence, whether it is drawn, the least it can be)."""
    return {
        "states": {
            state.name: {
                "label": state.label,
                "live": state.name in LIVE,
                "over": state.name in ENDED,
                "complete": state.name == "finished",
            }
            for state in STATES.values()
        },
        "phases": {name: _(words) for name, words in PHASES.items()},
        "answerers": {name: answerer.label for name, answerer in ANSWERERS.items()},
        "compared": COMPARED,
        "metrics": [
            {
                "name": metric.name,
                "label": metric.heading,
                "text": metric.label,
                "charted": metric.charted,
                "low": metric.low,
            }
            for metric in METRICS.values()
        ],
    }
