"""A run's progress on stderr: phases as lines, work as a bar with the time left."""

import sys
from typing import Any

from tqdm import tqdm

from qlora_core.choices import LABELS
from qlora_core.evaluation.answerers import label_of
from qlora_core.evaluation.scores import sentence


class ProgressBar:
    """A reporter's listener for the command line."""

    def __init__(self) -> None:
        self._bar: tqdm[None] | None = None
        self._refresh_seconds = 0.2 if sys.stderr.isatty() else 5.0

    def __call__(self, kind: str, fields: dict[str, Any]) -> None:
        if kind in ("truncation", "baselines_known"):
            self.close()
            tqdm.write(fields["message"], file=sys.stderr)
        elif kind == "phase":
            self.close()
            tqdm.write(f"{fields['message']} ...", file=sys.stderr)
        elif kind == "progress":
            self._advance(fields["done"], fields["total"], "pair", "")
        elif kind == "step":
            rate = fields["examples_per_second"]
            self._advance(
                fields["step"], fields["total_steps"], "step", f"loss {fields['loss']:.3f}, {rate:.0f} pairs/s"
            )
        elif kind in ("baseline", "evaluation"):
            tqdm.write(_measured(kind, fields), file=sys.stderr)
        elif kind == "paused":
            self.close()
            tqdm.write("Paused" if fields["paused"] else "Going on", file=sys.stderr)
        elif kind == "end":
            self.close()  # the command's last line says how it ended

    def pairs(self, done: int, total: int) -> None:
        """``done`` of ``total`` pairs have been answered."""
        self("progress", {"done": done, "total": total})

    def close(self) -> None:
        """End the current bar and clear its line: what it led to is written as lines."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _advance(self, done: int, total: int, unit: str, note: str) -> None:
        if self._bar is None or self._bar.total != total:
            self.close()
            self._bar = tqdm(
                total=total, initial=done, unit=unit, file=sys.stderr, mininterval=self._refresh_seconds, leave=False
            )
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)
        if done >= total:
            self.close()


def _measured(kind: str, fields: dict[str, Any]) -> str:
    name = f"epoch {fields['epoch']:g}" if kind == "evaluation" else label_of(fields["name"])
    best = " (best so far)" if fields.get("is_best") else ""
    only_answer = fields.get("only_answer")
    alike = "" if only_answer is None else f"; every pair answered {LABELS[only_answer]}"
    return f"  {name}: {sentence(fields)}{best}{alike}"
