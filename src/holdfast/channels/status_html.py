"""The status page for people: one file that needs nothing else to be legible.

Built for a phone in a hurry: how things are comes first, then what is being done.
It works without JavaScript; the one small script only says when the publisher has
gone silent. A content security policy allows that script and the styles by their
digests, and nothing more.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import htpy as h
from markupsafe import Markup

from holdfast.channels.status_model import (
    Component,
    Incident,
    PageModel,
    Update,
    moment,
)

REFRESH_SECONDS = 60

_STATUS_WORDS = {
    "operational": "Operational",
    "degraded_performance": "Degraded performance",
    "partial_outage": "Partial outage",
    "major_outage": "Major outage",
    "under_maintenance": "Under maintenance",
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --back: #ffffff; --none: #1a7f37; --minor: #9a6700; --major: #bc4c00;
  --critical: #cf222e; --maintenance: #0969da; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3;
  --line: #30363d; --back: #0d1117; --none: #3fb950; --minor: #d29922;
  --major: #f0883e; --critical: #ff7b72; --maintenance: #58a6ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 44rem; padding: 1rem 1rem 3rem; color: var(--ink);
  background: var(--back); font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.1rem; font-weight: 600; margin: 0 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
.now { font-size: 1.35rem; font-weight: 650; margin: 0; padding: .75rem 1rem;
  border-left: .4rem solid var(--tone); border-radius: .25rem;
  background: color-mix(in srgb, var(--tone) 12%, var(--back)); }
.none, .operational { --tone: var(--none); }
.minor, .degraded_performance { --tone: var(--minor); }
.major, .partial_outage { --tone: var(--major); }
.critical, .major_outage { --tone: var(--critical); }
.maintenance, .under_maintenance { --tone: var(--maintenance); }
.incident { border: 1px solid var(--line); border-left: .4rem solid var(--tone);
  border-radius: .25rem; padding: .75rem 1rem; margin: 0 0 1rem; }
ol, ul { list-style: none; margin: 0; padding: 0; }
ol li + li { margin-top: .75rem; padding-top: .75rem;
  border-top: 1px solid var(--line); }
ol p { margin: 0; white-space: pre-line; }
.parts li { display: flex; flex-wrap: wrap; justify-content: space-between;
  gap: 0 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }
.parts span { color: var(--tone); font-weight: 600; }
small, footer { color: var(--soft); font-size: .9rem; }
a { color: inherit; }
footer { margin-top: 2.5rem; }
.stale { border: 2px solid var(--critical); border-radius: .25rem; font-weight: 600;
  padding: .75rem 1rem; margin: 0 0 1rem; }
"""

_SCRIPT = """
(function () {
  var root = document.documentElement.dataset;
  var silent = Date.parse(root.published) + 60000 * root.staleMinutes;
  function look() { document.getElementById("stale").hidden = Date.now() < silent; }
  look(); setInterval(look, 10000);
})();
"""


def render(model: PageModel, published_at: datetime, stale_after: timedelta) -> bytes:
    """Return the whole page."""
    unresolved = [one for one in model.incidents if one.open]
    past = [one for one in model.incidents if not one.open]
    document = h.html(
        lang="en",
        data_published=moment(published_at),
        data_stale_minutes=str(max(1, round(stale_after.total_seconds() / 60))),
    )[
        _head(model),
        h.body[
            h.header[h.h1[f"{model.page.name} status"]],
            h.main[
                h.p("#stale.stale", role="alert", hidden=True)[
                    "This page has not been confirmed for a while and may be out "
                    "of date."
                ],
                h.p(class_=f"now {model.status.indicator}")[model.status.description],
                _incidents("Now", unresolved),
                h.h2["Services"] if model.components else None,
                h.ul(".parts")[(_component(c) for c in model.components)],
                _incidents("Past incidents", past),
            ],
            _footer(model, published_at),
            h.script[Markup(_SCRIPT)],  # noqa: S704 - a constant of ours.
        ],
    ]
    return str(document).encode()


def _head(model: PageModel) -> h.Node:
    return h.head[
        h.meta(charset="utf-8"),
        h.meta(http_equiv="Content-Security-Policy", content=_POLICY),
        h.meta(http_equiv="refresh", content=str(REFRESH_SECONDS)),
        h.meta(name="viewport", content="width=device-width, initial-scale=1"),
        h.title[f"{model.status.description} · {model.page.name} status"],
        h.style[Markup(_STYLE)],  # noqa: S704 - a constant of ours.
    ]


def _incidents(title: str, incidents: list[Incident]) -> h.Node:
    if not incidents:
        return None
    newest = sorted(incidents, key=lambda one: one.created_at, reverse=True)
    return [h.h2[title], (_incident(one) for one in newest)]


def _incident(incident: Incident) -> h.Node:
    name: h.Node = incident.name
    if incident.link:
        name = h.a(href=incident.link)[incident.name]
    return h.article(class_=f"incident {incident.impact}")[
        h.h3[name], h.ol[(_update(one) for one in incident.newest_first)]
    ]


def _update(update: Update) -> h.Node:
    return h.li[
        h.p[h.strong[update.status.capitalize()], ": ", update.body],
        h.small[_time(update.created_at)],
    ]


def _component(component: Component) -> h.Node:
    return h.li(class_=component.status)[
        component.name, h.span[_STATUS_WORDS[component.status]]
    ]


def _footer(model: PageModel, published_at: datetime) -> h.Node:
    return h.footer[
        h.p[
            "Last change ",
            _time(model.page.updated_at),
            ". Last confirmed ",
            _time(published_at),
            ".",
        ],
        h.p["For machines: ", h.a(href="api/v2/summary.json")["summary.json"], "."],
    ]


def _time(at: datetime) -> h.Node:
    there = at.astimezone(UTC)
    return h.time(datetime=moment(at))[f"{there.day} {there:%B %Y, %H:%M:%S} UTC"]


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_source(_STYLE)}",
        f"script-src {_source(_SCRIPT)}",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
