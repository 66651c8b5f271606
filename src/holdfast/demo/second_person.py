"""The second person of the box: signs in to the web page, reads, and approves there.

By the page's own forms, as any browser without scripts would send them.
"""

from __future__ import annotations

import html
import http.client
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from holdfast.errors import HoldfastError

TIMEOUT_SECONDS = 30
_FORM = re.compile(r'<form class="decide".*?</form>', re.DOTALL)
_FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')


class Visitor:
    """A browser at the node's page: keeps its cookie, sends forms from there."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookie = ""

    def ask(self, path: str, form: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Look at a page, or send a form; return status and text."""
        headers = {"Cookie": self._cookie, "Origin": f"http://127.0.0.1:{self._port}"}
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        page = http.client.HTTPConnection("127.0.0.1", self._port, TIMEOUT_SECONDS)
        try:
            page.request("GET" if form is None else "POST", path, body, headers)
            answer = page.getresponse()
            given = answer.getheader("Set-Cookie")
            if given is not None:
                self._cookie = given.partition(";")[0]
            return answer.status, answer.read().decode()
        finally:
            page.close()


def approve(port: int, person: str, password: str, order: str) -> None:
    """Approve the order on the page of the node that listens at the port.

    Raises `HoldfastError` where the page does not offer it, or refuses.
    """
    visitor = Visitor(port)
    visitor.ask("/sign-in", {"user": person, "password": password})
    status, text = visitor.ask("/approvals")
    for form in _FORM.findall(text):
        fields = {name: html.unescape(v) for name, v in _FIELD.findall(form)}
        if (fields["act"], fields["order"]) == ("approve", order):
            status, _ = visitor.ask("/approvals", {**fields, "password": password})
            break
    if status != HTTPStatus.SEE_OTHER:
        raise HoldfastError(
            f"the page let {person} approve nothing (it answered {status})",
            "Read node.log in the box's folder.",
        )
