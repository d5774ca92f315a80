"""The presenter's view."""

from qlora_core.language import N_

NOT_THIS_PAGE = N_("That is not an address of this page. Reload the page.")

#: What happens in each of a run's phases, for those who see it for the first time.
PHASES_EXPLAINED = {
    "queued": N_("The run waits for its turn. It begins by itself."),
    "loading": N_("The base model is read and held in few bits: its weights are frozen and will not change."),
    "baselines": N_(
        "What the fine-tune has to beat: always the commoner answer, an untrained head, and a linear probe."
    ),
    "training": N_("Small matrices beside the frozen ones learn from pairs whose answer is known."),
    "evaluating": N_("The model answers the validation pairs, which it never learns from."),
    "saving": N_("What was learned is written to files: a few megabytes."),
    "verifying": N_("Another process loads these files and has to give the same answers."),
    "done": N_("The run is over. What it came to is the next step."),
}
