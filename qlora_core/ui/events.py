"""What the handlers of every tab have in common."""

from typing import Any

#: Not in the API that programs see; docs/api.md describes the named endpoints, which are.
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
