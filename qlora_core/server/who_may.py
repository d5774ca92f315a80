"""Who may do what with a run: the browser that started it, and the owner of the server."""

import hmac
from dataclasses import dataclass

from qlora_core.errors import QLoRAError
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

MAX_SECRET_CHARACTERS = 200


class NotYours(QLoRAError):
    """Somebody asks for what only the visitor who started the run, or the server's owner, may do."""


@dataclass(frozen=True)
class WhoMay:
    """One server's answers, by the secret that a browser sends along."""

    owner_key: str  #: whoever knows it may do everything
    recorded: RunStore  #: runs that come with the program, which nobody may change

    def control(self, run: Run, secret: str) -> bool:
        """Whether ``secret`` is the server's owner's, or that of the visitor who started ``run``."""
        if len(secret) > MAX_SECRET_CHARACTERS or self.recorded.holds(run):
            return False
        return self._is_owner(secret) or run.is_owned_by(secret)

    def check_control(self, run: Run, secret: str) -> None:
        """Refuse whoever may not control ``run``.

        Raises:
            NotYours: they may not.
        """
        if not self.control(run, secret):
            raise NotYours("Only the browser that started this run, or the owner of this server, may do that.")

    def _is_owner(self, secret: str) -> bool:
        return bool(secret) and hmac.compare_digest(secret.encode(), self.owner_key.encode())
