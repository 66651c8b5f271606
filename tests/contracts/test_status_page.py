"""The status page: whole for every reader, in known shapes, seen from outside."""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.channels import publishing
from holdfast.channels.status_page import StatusPage, current
from holdfast.demo.ports import free_port
from holdfast.demo.spawn import Spawned
from holdfast.errors import HoldfastError
from holdfast.operations.ports.channel import Accepted, Message, Rejected
from holdfast.sources.status_fetch import NotSeen, SeenPage, seen

from .receiving import answering, http

MOMENT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PATIENCE = timedelta(seconds=60)


def notice(number: int, name: str = "Shop") -> Message:
    """Return the notice that makes the page's revision ``r<number>``."""
    at = (MOMENT + timedelta(minutes=number)).isoformat()
    update = {"id": f"u{number}", "status": "investigating", "body": "We look into it."}
    incident = {
        "id": "i1",
        "name": f"{name} is down",
        "status": "investigating",
        "impact": "critical",
        "created_at": MOMENT.isoformat(),
        "updated_at": at,
        "resolved_at": None,
        "shortlink": None,
        "incident_updates": [{**update, "created_at": at}],
    }
    data = {
        "page": {"id": "p", "name": "Acme", "url": "https://a.test", "updated_at": at},
        "status": {"indicator": "critical", "description": "Orders cannot be placed"},
        "components": [{"id": "shop", "name": name, "status": "major_outage"}],
        "incidents": [incident],
        "revision": f"r{number}",
    }
    return Message(f"key/{number}", "", "", data)


def page_in(*folders: Path) -> StatusPage:
    """Return the channel to these folders."""
    return StatusPage(folders, "https://status.a.test")


def read(folder: Path, name: str) -> dict:
    """Return a document of the published API."""
    return json.loads((folder / "current/api/v2" / name).read_text())


@contextmanager
def limited_files(bytes_max: int) -> Iterator[None]:
    """Let this process write no file larger than that: a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def server(tmp_path):
    """Give a folder and the address at which a web server shows it."""
    folder = tmp_path / "public"
    folder.mkdir()
    with Spawned("static_server", "--folder", folder, log=tmp_path / "log") as process:
        yield folder, f"http://127.0.0.1:{process.port}/"


def test_published_page_is_seen_from_outside(server):
    """The update counts as seen once its revision was fetched by its address."""
    folder, url = server
    answer = page_in(folder).send(notice(1), "page:status")
    assert isinstance(answer, Accepted)
    page = seen(url, "r1", PATIENCE, allow_loopback=True)
    assert isinstance(page, SeenPage)
    assert (page.revision, page.later, page.indicator) == ("r1", False, "critical")


def test_later_page_proves_the_earlier_update(server):
    """A page that came later shows what it includes, and nothing that it does not."""
    folder, url = server
    page_in(folder).send(notice(1), "")
    page_in(folder).send(notice(2), "")
    page = seen(url, "r1", PATIENCE, allow_loopback=True)
    assert isinstance(page, SeenPage)
    assert (page.revision, page.later) == ("r2", True)
    other = seen(url, "r3", PATIENCE, allow_loopback=True)
    assert isinstance(other, NotSeen)
    assert other.detail == "the page still shows r2"


def test_notice_is_found_by_its_key_too(server):
    """Whoever knows only the notice's key finds its revision on the page."""
    folder, url = server
    page_in(folder).send(notice(1), "")
    assert isinstance(seen(url, "key/1", PATIENCE, allow_loopback=True), SeenPage)


def test_late_repeat_does_not_bring_old_news_back(tmp_path):
    """An update that is delivered again after a newer one leaves the newer there."""
    for number in (1, 3, 2):
        assert isinstance(page_in(tmp_path).send(notice(number), ""), Accepted)
    page = read(tmp_path, "summary.json")["page"]
    assert page["revision"] == "r3"
    assert {"r1", "r2"} <= set(page["revisions"])


def test_repeat_leaves_one_revision(tmp_path):
    """A notice that is published twice is on the page once."""
    for _ in range(2):
        page_in(tmp_path).send(notice(1), "")
    summary = read(tmp_path, "summary.json")
    assert summary["page"]["revision"] == "r1"
    assert summary["page"]["revisions"] == ["key/1"]
    assert len(summary["incidents"]) == 1


def test_api_has_statuspages_shapes(tmp_path):
    """Clients written for Statuspage find the documents and fields they read."""
    page_in(tmp_path).send(notice(1), "")
    summary = read(tmp_path, "summary.json")
    assert set(summary) == {
        "page",
        "components",
        "incidents",
        "scheduled_maintenances",
        "status",
    }
    assert {"id", "name", "url", "time_zone", "updated_at"} <= set(summary["page"])
    assert summary["page"]["updated_at"] == "2026-11-23T08:01:00.000Z"
    assert set(summary["status"]) == {"indicator", "description"}
    (component,) = summary["components"]
    assert {"id", "name", "status", "position", "group", "page_id"} <= set(component)
    (incident,) = summary["incidents"]
    assert {"impact", "shortlink", "started_at", "resolved_at"} <= set(incident)
    (update,) = incident["incident_updates"]
    assert {"incident_id", "body", "display_at", "affected_components"} <= set(update)
    assert read(tmp_path, "status.json")["status"] == summary["status"]
    assert read(tmp_path, "components.json")["components"] == summary["components"]
    assert read(tmp_path, "incidents/unresolved.json")["incidents"] == [incident]


def test_resolved_incident_leaves_the_unresolved(tmp_path):
    """A resolved incident stays on the page and leaves the list of the unresolved."""
    message = notice(1)
    message.data["incidents"][0] |= {"status": "resolved", "resolved_at": MOMENT}
    page_in(tmp_path).send(message, "")
    assert read(tmp_path, "incidents/unresolved.json")["incidents"] == []
    assert len(read(tmp_path, "incidents.json")["incidents"]) == 1
    assert "Past incidents" in (tmp_path / "current/index.html").read_text()


def test_hostile_names_are_shown_not_run(tmp_path):
    """What looks like markup in a name or a link is text on the page."""
    message = notice(1, "<script>alert(1)</script>\"'&")
    message.data["incidents"][0]["shortlink"] = "javascript:alert(1)"
    page_in(tmp_path).send(message, "")
    html = (tmp_path / "current/index.html").read_text()
    assert "<script>alert" not in html
    assert "javascript:" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert len(re.findall("<script", html)) == 1


def test_page_is_legible_without_script_and_loads_nothing(tmp_path):
    """All that matters is in the file's text, and no other file is asked for."""
    page_in(tmp_path).send(notice(1), "")
    html = (tmp_path / "current/index.html").read_text()
    for words in ("Orders cannot be placed", "Major outage", "08:01:00 UTC"):
        assert words in html
    assert "default-src &#39;none&#39;" in html
    assert not re.search(r"<link|<img|src=", html)


def test_every_folder_gets_the_same_page(tmp_path):
    """Two targets show the same revision."""
    page_in(tmp_path / "a", tmp_path / "b").send(notice(1), "")
    for name in "ab":
        assert read(tmp_path / name, "summary.json")["page"]["revision"] == "r1"


def test_refresh_confirms_and_changes_nothing_else(tmp_path):
    """A refresh moves only the moment of the last confirmation."""
    page = page_in(tmp_path)
    assert page.refresh() is None
    page.send(notice(1), "")
    before = read(tmp_path, "summary.json")
    assert isinstance(page.refresh(), Accepted)
    after = read(tmp_path, "summary.json")
    assert after["page"].pop("published_at") > before["page"].pop("published_at")
    assert after == before


def test_broken_folder_is_named_and_the_others_get_the_page(tmp_path):
    """One folder that cannot be written does not keep the page from the rest."""
    (tmp_path / "bad").write_text("in the way")
    answer = page_in(tmp_path / "bad", tmp_path / "good").send(notice(1), "")
    assert isinstance(answer, Rejected)
    assert answer.uncertain
    assert answer.reason.startswith("published to 1 of 2 folders; bad: ")
    assert current(tmp_path / "good") is not None


def test_full_disk_keeps_the_old_page(tmp_path):
    """A page that does not fit is a rejection; readers keep the last whole one."""
    page = page_in(tmp_path)
    page.send(notice(1), "")
    with limited_files(2000):
        answer = page.send(notice(2), "")
    assert isinstance(answer, Rejected)
    assert (answer.uncertain, answer.permanent) == (False, False)
    assert "file too large" in answer.reason
    assert read(tmp_path, "summary.json")["page"]["revision"] == "r1"
    assert isinstance(page.send(notice(3), ""), Accepted)


def test_busy_folder_asks_to_come_back(tmp_path):
    """Two publishers never write at once; the second is told when to try again."""
    with publishing.held(tmp_path):
        answer = page_in(tmp_path).send(notice(1), "")
    assert isinstance(answer, Rejected)
    assert answer.retry_after == timedelta(seconds=1)


@pytest.mark.parametrize(
    "spoil",
    [
        {"status": {"indicator": "on fire", "description": "x"}},
        {"page": {"id": "p"}},
        {"components": [{"id": 7, "name": "x", "status": "operational"}]},
        {"components": "none"},
        {"incidents": [{"id": "i"}]},
    ],
)
def test_data_that_is_no_page_is_permanent(tmp_path, spoil):
    """A notice without a page in it says what is wrong and publishes nothing."""
    message = notice(1)
    answer = page_in(tmp_path).send(Message("k", "", "", {**message.data, **spoil}), "")
    assert isinstance(answer, Rejected)
    assert answer.permanent
    assert answer.reason.startswith("not a status page: ")
    assert current(tmp_path) is None


def test_moment_without_a_time_zone_is_no_moment(tmp_path):
    """A time that could mean any of 24 hours is refused."""
    message = notice(1)
    message.data["page"]["updated_at"] = "2026-11-23T08:00:00"
    assert isinstance(page_in(tmp_path).send(message, ""), Rejected)


def test_no_folder_is_an_error_at_the_start():
    """A page that goes nowhere is told before it is needed."""
    with pytest.raises(HoldfastError, match="no folder"):
        page_in()


def test_old_versions_go_and_a_reader_mid_way_is_not_cut_off(tmp_path):
    """A few versions remain for readers who resolved the link a moment ago."""
    page = page_in(tmp_path)
    for number in range(1, 8):
        page.send(notice(number), "")
    assert len(list((tmp_path / "versions").iterdir())) == publishing.KEPT


def test_readers_always_see_one_whole_version(tmp_path):
    """While pages change, what one version says agrees with itself."""
    page = page_in(tmp_path)
    page.send(notice(1), "")
    odd = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            version = (tmp_path / "current").resolve()
            try:
                summary = json.loads((version / "api/v2/summary.json").read_text())
                html = (version / "index.html").read_text()
            except FileNotFoundError:
                # A look so slow that its version is gone is no fault of the page's.
                if (tmp_path / "current").resolve() == version:
                    odd.append("half a page")
                continue
            if f"The {summary['page']['revision']} is down" not in html:
                odd.append(summary["page"]["revision"])

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(2, 40):
        message = notice(number, f"The r{number}")
        assert isinstance(page.send(message, ""), Accepted)
    ended.set()
    reader.join()
    assert [one for one in odd if one != "r1"] == []


_PUBLISH_FOR_EVER = """
import sys
from pathlib import Path
from holdfast.channels import publishing
folder = Path(sys.argv[1])
number = 0
while True:
    number += 1
    text = str(number).encode()
    with publishing.held(folder):
        publishing.publish(folder, {"a.html": text, "deep/b.json": text})
    if number == 3:
        print("going", flush=True)
"""


@pytest.mark.parametrize("times", range(5))
def test_killed_publisher_leaves_a_whole_page(tmp_path, times):
    """After SIGKILL at any moment one whole version is current, and the next works."""
    argv = [sys.executable, "-c", _PUBLISH_FOR_EVER, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as publisher:
        assert publisher.stdout is not None
        publisher.stdout.readline()
        # Some work of ours is what passes between its start and its end.
        for _ in range(times * 50):
            publishing.read(tmp_path, "a.html")
        publisher.kill()
    assert publishing.read(tmp_path, "a.html") == publishing.read(
        tmp_path, "deep/b.json"
    )
    with publishing.held(tmp_path):
        publishing.publish(tmp_path, {"a.html": b"after"})
    assert publishing.read(tmp_path, "a.html") == b"after"
    assert len(list((tmp_path / "versions").iterdir())) <= publishing.KEPT


def test_unreadable_old_page_does_not_stop_the_next(tmp_path):
    """A damaged model of the last page counts as none."""
    page = page_in(tmp_path)
    page.send(notice(1), "")
    (tmp_path / "current/model.json").write_text("{")
    assert isinstance(page.send(notice(2), ""), Accepted)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (http("404 Not Found"), "status 404 instead of 200"),
        (http("200 OK", b"<html>"), "the page's summary is not one of ours"),
        (http("200 OK", b"[]"), "the page's summary is not one of ours"),
        (http("200 OK", b'{"page": {}}'), "the page's summary is not one of ours"),
        (
            http(
                "200 OK",
                b'{"page": {"revision": "r0", "revisions": 5, "updated_at": ""},'
                b' "status": {"indicator": "none"}}',
            ),
            "the page's summary is not one of ours",
        ),
    ],
)
def test_what_is_not_our_page_is_not_seen(answer, detail):
    """Anything but the page's summary is not the update, and says why."""
    with answering(answer) as port:
        page = seen(f"http://127.0.0.1:{port}", "r1", PATIENCE, allow_loopback=True)
    assert isinstance(page, NotSeen)
    assert page.detail == detail


def test_unreachable_page_is_not_seen():
    """A page that does not answer is a value, too."""
    url = f"http://127.0.0.1:{free_port()}"
    page = seen(url, "r1", PATIENCE, allow_loopback=True)
    assert isinstance(page, NotSeen)
    assert page.detail.endswith("connection refused")


@pytest.mark.parametrize(
    "path",
    [
        "../secret.json",
        "%2e%2e/secret.json",
        "..%2fsecret.json",
        "%2e%2e%2f%2e%2e%2fsecret.json",
        "/etc/passwd",
        "api/",
        "api/v2",
        "leak.json",
        ".hidden.json",
        "nothing.json",
        "%00.json",
    ],
)
def test_web_server_stays_in_its_folder(server, path):
    """No path leads out of the published version, and no folder is listed."""
    folder, url = server
    page_in(folder).send(notice(1), "")
    (folder / "secret.json").write_text("{}")
    (folder / "versions/secret.json").write_text("{}")
    (folder / "current/leak.json").symlink_to(folder / "secret.json")
    (folder / "current/.hidden.json").write_text("{}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url + path, timeout=60)
    with refused.value:
        assert refused.value.code == 404


def test_web_server_says_what_it_serves_and_lets_nothing_be_kept(server):
    """Content types are right and caches keep nothing."""
    folder, url = server
    page_in(folder).send(notice(1), "")
    kinds = {"": "text/html", "api/v2/summary.json": "application/json"}
    for path, kind in kinds.items():
        with urllib.request.urlopen(url + path, timeout=60) as answer:
            assert answer.headers["Content-Type"].startswith(kind)
            assert answer.headers["Cache-Control"] == "no-store"
