"""The address by which a class joins, and its picture as a QR code (ISO/IEC 18004), made on this server."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit

import segno

from qlora_core.errors import UserError
from qlora_core.language import gettext as _
from qlora_core.ui.web.hosts import Hosts
from qlora_core.ui.words import present as words

#: Where a proxy may have put the page.
FOLDER = re.compile(r"/(?:[\w.~-]+/)*")
MAX_PAGE = 400  #: characters of the page's address


@dataclass(frozen=True)
class Join:
    """How a phone comes to a run."""

    address: str  #: what the code says
    typed: str  #: what is typed where no camera is at hand: as short as leads there
    picture: str  #: the code as a data URI
    is_local: bool  #: whether the address leads no other machine here


def join(page: str, host: str, hosts: Hosts, run_id: str, *, shown_anyway: bool) -> Join:
    """What leads to a run on the page that a browser has open.

    Args:
        page: the page's address as the browser has it, without what follows a "?".
        host: the request's own ``Host``.
        run_id: of a run that there is.
        shown_anyway: whether the page shows this run to those who ask for none.

    Raises:
        UserError: ``page`` is no page of this server.
    """
    try:
        scheme, netloc, folder, query, fragment = urlsplit(page)
    except ValueError as error:
        raise UserError(_(words.NOT_THIS_PAGE)) from error
    origin = f"{scheme}://{netloc}"
    if len(page) > MAX_PAGE or query or fragment or not FOLDER.fullmatch(folder) or not hosts.is_own_page(origin, host):
        raise UserError(_(words.NOT_THIS_PAGE))
    address = f"{origin}{folder}?{urlencode({'run': run_id, 'class': 1})}"
    typed = f"{netloc}{folder}?class=1" if shown_anyway else address.removeprefix("http://")
    return Join(address, typed, qr_code(address), _is_local(urlsplit(page).hostname or ""))


@lru_cache(maxsize=64)
def qr_code(text: str) -> str:
    """A QR code as an SVG in a data URI: black on white, with the quiet zone that scanners need."""
    return segno.make_qr(text, error="m").svg_data_uri(scale=8, dark="#000", light="#fff")


def _is_local(name: str) -> bool:
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
