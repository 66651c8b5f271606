"""Tells everybody, by static files that any web server can serve.

Nobody who reads the page needs Holdfast or its database to be alive. A reader sees a
whole page, old or new. A late repeat never replaces newer news: the newer page then
says that it includes the repeated revision.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from holdfast.channels import publishing, status_html, status_json
from holdfast.channels.status_model import ModelError, PageModel, parse, unparse
from holdfast.errors import HoldfastError
from holdfast.operations.ports.channel import Accepted, Message, Rejected

MODEL = "model.json"
REVISIONS_MAX = 50
BUSY_RETRY = timedelta(seconds=1)


class StatusPage:
    """The channel "status_page": the page is its only address.

    Each folder gets the same page, so that two web servers in two places can show it.
    After ``stale_after`` without `send` or `refresh` the page calls itself stale.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        public_url: str,
        *,
        name: str = "status_page",
        stale_after: timedelta = timedelta(minutes=15),
    ) -> None:
        if not folders:
            raise HoldfastError(
                "the status page has no folder to be published to",
                "Name at least one folder that a web server serves.",
            )
        self.name = name
        self.public_url = public_url
        self._folders = tuple(folders)
        self._stale_after = stale_after

    def send(self, message: Message, address: str) -> Accepted | Rejected:
        """Publish the page in ``message.data``; the receipt names its revision.

        The revision is the data's own or, where it has none, the message's key.
        """
        del address
        try:
            wanted = parse({"revision": message.key, **message.data})
        except ModelError as fault:
            return Rejected(f"not a status page: {fault}"[:300], permanent=True)
        # Whoever knows the notice by its key alone finds it too.
        return self._everywhere(including(wanted, message.key))

    def refresh(self) -> Accepted | Rejected | None:
        """Confirm that the page is as it should be; ``None`` if there is none yet.

        It changes nothing but the time of the last confirmation.
        """
        shown = [model for f in self._folders if (model := current(f)) is not None]
        if not shown:
            return None
        return self._everywhere(max(shown, key=lambda model: model.page.updated_at))

    def _everywhere(self, wanted: PageModel) -> Accepted | Rejected:
        now = datetime.now(UTC)
        faults = []
        for folder in self._folders:
            try:
                self._publish(folder, wanted, now)
            except BlockingIOError:
                busy = f"another publisher is at work in {folder.name}"
                return Rejected(busy, retry_after=BUSY_RETRY, uncertain=True)
            except OSError as fault:
                faults.append(
                    f"{folder.name}: {(fault.strerror or str(fault)).lower()}"
                )
        if faults:
            done = len(self._folders) - len(faults)
            some = f"published to {done} of {len(self._folders)} folders; "
            return Rejected(some + "; ".join(faults), uncertain=done > 0)
        return Accepted(f"revision {wanted.revision}", at=datetime.now(UTC))

    def _publish(self, folder: Path, wanted: PageModel, now: datetime) -> None:
        with publishing.held(folder):
            model = merge(current(folder), wanted)
            page = status_html.render(model, now, self._stale_after)
            kept = json.dumps(unparse(model), ensure_ascii=False).encode()
            files = {"index.html": page, MODEL: kept}
            publishing.publish(folder, {**files, **status_json.files(model, now)})


def current(folder: Path) -> PageModel | None:
    """Return the page that a folder shows; an unreadable one counts as none."""
    kept = publishing.read(folder, MODEL)
    try:
        return None if kept is None else parse(json.loads(kept))
    except ValueError:
        return None


def merge(shown: PageModel | None, wanted: PageModel) -> PageModel:
    """Return the newer page, saying which revisions it includes."""
    if shown is None:
        return wanted
    newer = shown if shown.page.updated_at > wanted.page.updated_at else wanted
    known = (shown.revision, wanted.revision, *shown.revisions, *wanted.revisions)
    return including(replace(newer, revisions=()), *known)


def including(model: PageModel, *revisions: str) -> PageModel:
    """Return the page, saying that it includes these revisions too."""
    known = dict.fromkeys((*model.revisions, *revisions))
    others = tuple(one for one in known if one != model.revision)
    return replace(model, revisions=others[:REVISIONS_MAX])
