"""Runs that were carried out elsewhere, in the tab "Results"."""

from qlora_core.language import N_
from qlora_core.language import gettext as _

BRING = N_("Bring a run")
BRING_HELP = N_(
    "Drop a run's zip here, as **Take the adapter home** made it on this server or another: it is checked, then shown "
    "and asked like every other run, marked as brought, and yours to delete. Its numbers are what the zip states. "
    "Every visitor of this page can see it, with the six pairs that were watched while it learned."
)
BRING_FILE = N_("A run's zip")
NO_FILE_BROUGHT = N_("No file has arrived. Choose a zip.")


def brought_words(run_id: str, when: str, device: str) -> str:
    """Of a run that was carried out elsewhere, as Markdown."""
    return _("Run {run_id} was brought here on {when} UTC. Its zip says that it was trained on {device}.").format(
        run_id=run_id, when=when, device=device
    )


def brought_here(run_id: str) -> str:
    """A run was taken in, as Markdown."""
    return _("**Run {run_id} is here**, and shown above.").format(run_id=run_id)


def not_brought(error: str) -> str:
    """As Markdown."""
    return _("**That run is not taken in.** {error}").format(error=error)
