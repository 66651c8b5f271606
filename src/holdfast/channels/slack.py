"""Tells people in Slack, by slack-sdk's client.

One call is one attempt: retries and fallback are rules of the domain, so the SDK's own
are off. Each message carries its key as metadata, so that a repeat is recognisable.
The token goes nowhere but into the request's header.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import logging
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from holdfast.channels.slack_text import compose
from holdfast.errors import HoldfastError
from holdfast.operations.ports.channel import Accepted, Message, Rejected

EVENT_TYPE = "holdfast_notice"
ANSWER_BYTES_MAX = 1_000_000
TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503
SERVER_FAULT = 500

# Slack's word that trying again may help; any other error needs a person.
TRANSIENT = frozenset(
    {
        "accesslimited",
        "fatal_error",
        "internal_error",
        "message_limit_exceeded",
        "ratelimited",
        "rate_limited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
# Slack says of these that a part of the work may have been done.
UNCERTAIN = frozenset({"fatal_error", "internal_error"})

_SILENT = logging.Logger("holdfast.channels.slack")  # noqa: LOG001 - kept apart on purpose: its faults are values here.
_SILENT.addHandler(logging.NullHandler())


class Slack:
    """The channel "slack": an address is the id of a channel or of a person."""

    def __init__(
        self,
        token: str,
        *,
        name: str = "slack",
        base_url: str = "https://slack.com/api/",
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        _check(token, base_url)
        self.name = name
        self._token = token
        self._client = _Client(
            token=token,
            base_url=base_url,
            timeout=max(1, round(timeout.total_seconds())),
            logger=_SILENT,
            retry_handlers=[],
        )

    def send(self, message: Message, address: str) -> Accepted | Rejected:
        """Post the message; the receipt is ``channel/ts``, Slack's own name for it."""
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": message.key}}
        said = self._call(
            "chat.postMessage",
            {
                "channel": address,
                "text": compose(message.subject, message.text, message.key),
                "metadata": metadata,
                "unfurl_links": False,
                "unfurl_media": False,
            },
        )
        if isinstance(said, Rejected):
            return said
        receipt = f"{said.get('channel')}/{said.get('ts')}"
        return Accepted(receipt=receipt, at=datetime.now(UTC))

    def check(self) -> Accepted | Rejected:
        """Ask Slack whether the token is good; the receipt is the bot and team."""
        said = self._call("auth.test", {})
        if isinstance(said, Rejected):
            return said
        receipt = f"{said.get('user')}@{said.get('team')}"
        return Accepted(receipt=receipt, at=datetime.now(UTC))

    def _call(self, method: str, body: dict[str, Any]) -> Mapping[str, Any] | Rejected:
        try:
            said = self._client.api_call(method, json=body)
        except SlackApiError as fault:
            return self._refused(fault)
        except URLError as fault:
            # The SDK's transport wraps only what happens before the request is out.
            return self._rejected(f"cannot reach Slack: {_words(fault.reason)}")
        except (OSError, http.client.HTTPException, UnicodeError) as fault:
            why = f"no answer from Slack: {_words(fault)}"
            return self._rejected(why, uncertain=True)
        except SlackClientError as fault:
            return self._rejected(f"cannot ask Slack: {_words(fault)}", permanent=True)
        return said.data if isinstance(said.data, dict) else {}

    def _refused(self, fault: SlackApiError) -> Rejected:
        answer = fault.response
        status = int(answer.status_code)
        data = answer.data if isinstance(answer.data, dict) else {}
        error = str(data.get("error", ""))
        if status == TOO_MANY_REQUESTS or error in {"ratelimited", "rate_limited"}:
            wait = _retry_after(answer.headers)
            return self._rejected("Slack asks to slow down", retry_after=wait)
        if status >= SERVER_FAULT:
            wait = _retry_after(answer.headers)
            unsure = status != UNAVAILABLE
            why = f"Slack answered with status {status}"
            return self._rejected(why, retry_after=wait, uncertain=unsure)
        if status != http.client.OK:
            return self._rejected(
                f"Slack answered with status {status}", permanent=True
            )
        if error in TRANSIENT:
            why = f"Slack answered {error}"
            return self._rejected(why, uncertain=error in UNCERTAIN)
        return self._rejected(f"Slack answered {error}", permanent=True)

    def _rejected(
        self,
        reason: str,
        *,
        permanent: bool = False,
        retry_after: timedelta | None = None,
        uncertain: bool = False,
    ) -> Rejected:
        # The other side may echo what it was sent; the reason is recorded for ever.
        clean = reason.replace(self._token, "[token]")[:300]
        return Rejected(clean, permanent, retry_after, uncertain)


class _Client(WebClient):
    """The SDK's client over a transport that keeps the token where it belongs.

    The SDK's own would follow a redirect and send the token along to any host, would
    send loopback through the environment's proxy, and reads answers without bound.
    """

    def _perform_urllib_http_request_internal(
        self, url: str, req: urllib.request.Request
    ) -> dict[str, Any]:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if _is_loopback(url):
            handlers.append(urllib.request.ProxyHandler({}))
        opener = urllib.request.build_opener(*handlers)
        deadline = time.monotonic() + self.timeout
        try:
            with opener.open(req, timeout=self.timeout) as answer:
                body = _read(answer, deadline)
                json_object = isinstance(json.loads(body), dict)
        except HTTPError as refusal:
            with refusal:
                body = _read(refusal, deadline)
            headers = dict(refusal.headers.items())
            return {"status": refusal.code, "headers": headers, "body": body}
        except json.JSONDecodeError:
            json_object = False
        if not json_object:
            raise http.client.HTTPException("the answer is not a JSON object")
        return {"status": answer.status, "headers": answer.headers, "body": body}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _read(answer: http.client.HTTPResponse | HTTPError, deadline: float) -> str:
    """Read a body, bounded in size and in time: each read has its own timeout only."""
    body = b""
    while len(body) < ANSWER_BYTES_MAX and (part := answer.read1(65_536)):
        body += part
        if time.monotonic() > deadline:
            raise TimeoutError
    return body.decode("utf-8", "replace")


def _check(token: str, base_url: str) -> None:
    # A line end in the token would make http.client raise with the token in its text.
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise HoldfastError(
            "the Slack token is empty or has characters that no token has",
            "Copy the bot token (xoxb-…) again from the app's page in Slack.",
        )
    scheme = urlsplit(base_url).scheme
    if scheme != "https" and not (scheme == "http" and _is_loopback(base_url)):
        raise HoldfastError(
            f"the Slack address {base_url} is not https",
            "Use https, so that the token is not readable on the way.",
        )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    wanted = {key.lower(): value for key, value in headers.items()}.get("retry-after")
    if wanted is None or not wanted.strip().isdecimal():
        return None
    return timedelta(seconds=min(int(wanted), 86_400))


def _words(fault: object) -> str:
    if isinstance(fault, TimeoutError):
        return "timed out"
    if isinstance(fault, ConnectionRefusedError):
        return "connection refused"
    return str(fault) or type(fault).__name__
