"""Standing: what is happening, what is owed, and how every sentence stands.

The page is made of parts, each an element with its own id. The live stream sends the
parts that changed, so page and stream can never tell different stories.
"""

from __future__ import annotations

from datetime import UTC, datetime

import htpy as h

from holdfast.evidence.parts import mark, when
from holdfast.evidence.views import DutyView, StandingView
from holdfast.evidence.words import control_name, due, owner_name, rfc3339
from holdfast.server.pages.approvals import waiting_banner
from holdfast.server.pages.incident import resolved, running
from holdfast.server.pages.layout import page
from holdfast.server.pages.sentences import Show, counts, sections

MOVING = frozenset({"moment", "incidents", "owed"})
"""The parts whose words move with the clock even when the ledger rests."""

_FAR = datetime.max.replace(tzinfo=UTC)


def standing_page(view: StandingView, show: Show, user: str) -> h.Element:
    """Render the whole page."""
    drawn = parts(view, show, user)
    return page(
        _title(view),
        h.div(".masthead")[
            h.h1[_heading(view)],
            drawn["moment"],
            h.p("#live", role="status")["Reload for newer figures."],
        ],
        drawn["waiting"],
        drawn["incidents"],
        drawn["owed"],
        h.section(aria_labelledby="policy-title")[
            h.h2("#policy-title")["The policy, sentence by sentence"],
            drawn["counts"],
            policy(view, show),
        ],
        drawn["findings"],
        drawn["ledger"],
        _listener(view, show),
        user=user,
        live=True,
    )


def parts(view: StandingView, show: Show, user: str) -> dict[str, h.Element]:
    """Render the parts that can change, each under its element's id."""
    return {
        "moment": _moment(view),
        "waiting": waiting_banner(view.waiting, user),
        "incidents": _incidents(view),
        "owed": _owed(view),
        "counts": counts(view, show),
        **dict(sections(view, show)),
        "findings": _findings(view),
        "ledger": _ledger(view),
    }


def policy(view: StandingView, show: Show) -> h.Element:
    """Render all sections as one part; also where none exists yet."""
    drawn = [section for _, section in sections(view, show)]
    return h.div("#policy")[drawn or _not_adopted(view)]


def _listener(view: StandingView, show: Show) -> h.Element:
    return h.div(
        {
            "hx-sse:connect": f"/live?show={show}&seen={view.as_of_index}",
            "hx-sse:close": "ended",
            "hx-swap": "none",
        },
        hidden=True,
    )


def _title(view: StandingView) -> str:
    going = sum(i.phase != "resolved" for i in view.incidents)
    return f"({going}) Standing" if going else "Standing"


def _heading(view: StandingView) -> str:
    return f"Standing of {view.company}" if view.company else "Standing"


def _moment(view: StandingView) -> h.Element:
    return h.p("#moment")["As of ", when(view.as_of, view.zone, "full")]


def _incidents(view: StandingView) -> h.Element:
    going = [i for i in view.incidents if i.phase != "resolved"]
    over = [i for i in view.incidents if i.phase == "resolved"]
    return h.section("#incidents", aria_label="Incidents")[
        (running(incident, view.as_of, view.zone) for incident in going),
        not going and h.p(".calm")[mark("met", "no incident is running")],
        (resolved(incident, view.zone) for incident in over),
    ]


def _owed(view: StandingView) -> h.Element:
    owed = sorted(
        (d for d in view.duties if d.state in {"owed", "overdue"}),
        key=lambda duty: (duty.state != "overdue", duty.due_at or _FAR, duty.key),
    )
    late = sum(duty.state == "overdue" for duty in owed)
    return h.section("#owed", aria_labelledby="owed-title")[
        h.h2("#owed-title")["Owed now", _tally(len(owed), late)],
        h.ul(".duties")[(_duty(duty, view) for duty in owed)]
        if owed
        else h.p(".quiet")["Nothing is owed at this moment."],
    ]


def _tally(owed: int, late: int) -> h.Node:
    if not owed:
        return None
    overdue = f", {late} overdue" if late else ""
    return h.span(".tally")[f" · {owed}{overdue}"]


def _duty(duty: DutyView, view: StandingView) -> h.Element:
    return h.li(f".duty-row.is-{duty.state}")[
        mark(duty.state),
        h.div(".what")[
            h.p[duty.what],
            h.p(".quiet")[owner_name(duty.owner), " · ", control_name(duty.control)],
        ],
        _until(duty.due_at, view),
    ]


def _until(due_at: datetime | None, view: StandingView) -> h.Node:
    if due_at is None:
        return None
    return h.div(".until")[
        h.p(".due")[due(due_at, view.as_of)],
        h.p(".quiet")[when(due_at, view.zone)],
    ]


def _not_adopted(view: StandingView) -> h.Element:
    if view.adopted_at is not None:
        return h.p["The adopted policy holds no sentence."]
    return h.div(".empty")[
        h.p[
            h.strong["No policy has been adopted yet."],
            " Until one is, nothing is promised and nothing is judged.",
        ],
        h.p["In the company's resilience folder, run"],
        h.pre[h.code["holdfast policy adopt"]],
    ]


def _findings(view: StandingView) -> h.Element:
    blanks = [s for s in view.sentences if s.status == "placeholder"]
    asked = [s for s in view.sentences if s.status == "ambiguous"]
    groups: tuple[tuple[str, list[str]], ...] = (
        ("Contradictions", list(view.contradictions)),
        ("Blanks nobody has filled in", [_place(s.lines, s.text) for s in blanks]),
        (
            "Sentences that can be read two ways",
            [_place(s.lines, s.text) for s in asked],
        ),
        ("Findings", list(view.findings)),
    )
    told = [(title, items) for title, items in groups if items]
    return h.section("#findings", aria_labelledby="findings-title", hidden=not told)[
        h.h2("#findings-title")["What the policy itself needs"],
        (
            h.div(".finding")[h.h3[title], h.ul[(h.li[item] for item in items)]]
            for title, items in told
        ),
    ]


def _place(lines: tuple[int, int], text: str) -> str:
    return f"Line {lines[0]}: {text}"


def _ledger(view: StandingView) -> h.Element:
    return h.footer("#ledger", aria_label="Where this comes from")[
        h.dl[
            _pair("Ledger", f"{view.as_of_index} entries"),
            _pair("Root", h.code[view.root]),
            _pair("Origin", h.code[view.origin]),
            _adopted(view),
            _pair("As of", h.time(datetime=rfc3339(view.as_of))[rfc3339(view.as_of)]),
        ]
    ]


def _adopted(view: StandingView) -> h.Node:
    if view.adopted_at is None:
        return None
    return [
        _pair("Policy", [view.policy_title, " ", h.code[view.policy_digest]]),
        _pair("Adopted", when(view.adopted_at, view.zone)),
    ]


def _pair(name: str, value: h.Node) -> h.Element:
    return h.div[h.dt[name], h.dd[value]]
