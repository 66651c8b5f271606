"""The public page: what stands in the log, in the shapes of the Statuspage API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.operations.company import SERVICE, Company, company

from holdfast.channels.status_model import parse
from holdfast.operations.page import SHOWN_FOR, page_model

URL = "https://status.northwind.example/"


def page(made: Company) -> dict[str, Any]:
    """Return the page as it is now."""
    situation = made.world.situation()
    assert situation is not None
    return page_model(situation, URL)


def outage(made: Company, beats: int = 4) -> None:
    """Let the company have an outage."""
    made.turn(ok=False)
    made.beat(times=beats)
    made.turn(ok=True)
    made.beat(times=4)


def test_quiet() -> None:
    """Without an incident all is operational, and nothing is announced."""
    made = company()
    shown = page(made)
    assert shown["status"]["indicator"] == "none"
    assert [c["status"] for c in shown["components"]] == ["operational"]
    assert shown["incidents"] == []
    assert shown["page"]["url"] == URL


def test_in_an_outage() -> None:
    """In an outage the service is out, and the first word bears its notice's name."""
    made = company()
    made.turn(ok=False)
    made.beat(times=2)
    shown = page(made)
    assert shown["status"]["indicator"] == "major"
    assert [c["status"] for c in shown["components"]] == ["major_outage"]
    (incident,) = shown["incidents"]
    (update,) = incident["incident_updates"]
    assert update["id"] == f"{incident['id']}/status"
    assert incident["status"] == "investigating"
    assert shown["revisions"] == [update["id"]]
    assert SERVICE not in update["body"], "customers read names, not ids"


def test_afterwards() -> None:
    """After the end all updates stand there, newest first, for two weeks."""
    made = company()
    outage(made, beats=300)
    (incident,) = page(made)["incidents"]
    ends = [update["id"].rpartition("/")[2] for update in incident["incident_updates"]]
    assert ends == ["resolved", "update-2", "update-1", "status"]
    assert incident["status"] == "resolved"
    assert incident["resolved_at"] > incident["created_at"]
    assert page(made)["status"]["indicator"] == "none"
    made.clock.advance(SHOWN_FOR)
    assert page(made)["incidents"] == []


def test_two_incidents() -> None:
    """Of several incidents the newest stands first."""
    made = company()
    outage(made)
    made.clock.advance(timedelta(hours=1))
    outage(made)
    began = [incident["created_at"] for incident in page(made)["incidents"]]
    assert len(began) == 2
    assert began == sorted(began, reverse=True)


def test_channel_reads_it() -> None:
    """The page is what the channel takes, at every moment of an outage."""
    made = company()
    parse({"revision": "r", **page(made)})
    made.turn(ok=False)
    for _ in range(5):
        made.beat()
        parse({"revision": "r", **page(made)})
    made.turn(ok=True)
    made.beat(times=4)
    read = parse({"revision": "r", **page(made)})
    assert len(read.incidents[0].incident_updates) == 2
