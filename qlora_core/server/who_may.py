"""Who may do what with a run: the browser that started it, and the owner of the server.

A browser has a secret of its own. One that has shown the owner's key has a pass besides: it follows from the key, but
nobody can guess it or find the key by it. So the key itself is sent once.
"""

import hmac
from dataclasses import dataclass, field

from qlora_core.errors import QLoRAError
from qlora_core.language import N_
from qlora_core.server.rate_limit import RateLimit
from qlora_core.store.run import Run
from qlora_core.store.runs import RunStore

MAX_SECRET_CHARACTERS = 200
PASS_PURPOSE = b"pass of a browser that has shown the owner's key"


class NotYours(QLoRAError):
    """Somebody asks for what only the visitor who started the run, or the server's owner, may do."""


@dataclass(frozen=True)
class WhoMay:
    """One server's answers, by what a browser sends along."""

    owner_key: str  #: whoever knows it may do everything; "" where nobody is the owner
    recorded: RunStore  #: runs that come with the program, which nobody may change
    attempts: RateLimit = field(default_factory=RateLimit)

    def control(self, run: Run, secret: str, owner_pass: str = "") -> bool:
        """Whether ``secret`` is that of the visitor who started ``run``, or ``owner_pass`` the owner's."""
        if self.recorded.holds(run):
            return False
        return self.is_owner(owner_pass) or (may_be_secret(secret) and run.is_owned_by(secret))

    def check_control(self, run: Run, secret: str, owner_pass: str = "") -> None:
        """Refuse whoever may not control ``run``.

        Raises:
            NotYours: they may not.
        """
        if not self.control(run, secret, owner_pass):
            raise NotYours(N_("Only the browser that started this run, or the owner of this server, may do that."))

    def is_owner(self, owner_pass: str) -> bool:
        """Whether that is the owner's pass. It is longer than anybody could guess, so this may be asked at any rate."""
        return may_be_secret(owner_pass) and hmac.compare_digest(owner_pass.encode(), self._pass().encode())

    def owner_pass(self, key: str, address: str) -> str:
        """The owner's pass for whoever shows the owner's key, "" for another key.

        Raises:
            RateLimitExceeded: wrong keys came too often, from ``address`` or from everywhere.
        """
        if not may_be_secret(key) or not self.owner_key:
            return ""
        self.attempts.take(address)
        if not hmac.compare_digest(key.encode(), self.owner_key.encode()):
            return ""
        self.attempts.give_back(address)
        return self._pass()

    def _pass(self) -> str:
        return hmac.new(self.owner_key.encode(), PASS_PURPOSE, "sha256").hexdigest() if self.owner_key else ""


def may_be_secret(text: str) -> bool:
    """Not empty, not too long, and text that can be written at all: JSON may hold half a character."""
    return 0 < len(text) <= MAX_SECRET_CHARACTERS and not any("\ud800" <= character <= "\udfff" for character in text)
