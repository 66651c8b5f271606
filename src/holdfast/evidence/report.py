"""The report of a disaster survived, as one HTML file that stands alone.

The verdict comes first, then the figures, then what proves them and how to check it
without trusting us. No script, no file beside it; everything that people or machines
wrote is escaped by htpy.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

import htpy as h
from markupsafe import Markup

from holdfast.evidence.parts import mark, when
from holdfast.evidence.plot import Moment, axis, deadline
from holdfast.evidence.report_style import STYLE
from holdfast.evidence.views import (
    CommunicationView,
    RecoveryView,
    ReportView,
    SentenceView,
    StandingView,
)
from holdfast.evidence.words import exact, owner_name, span


def render_report(view: ReportView) -> str:
    """Render the report as one file of HTML."""
    return "".join(_document(view).iter_chunks())


def _document(view: ReportView) -> h.Element:
    zone = view.standing.zone
    return h.html(lang="en")[
        h.head[
            h.meta(charset="utf-8"),
            h.meta(name="viewport", content="width=device-width, initial-scale=1"),
            h.meta(name="color-scheme", content="light dark"),
            h.title[view.title],
            h.style[Markup(STYLE)],  # noqa: S704 - our own constant.
        ],
        h.body[
            h.header[
                h.h1[view.title],
                h.p(".quiet")["Made ", when(view.made_at, zone, "full")],
            ],
            h.main[
                _verdict(view),
                (_recovery(recovery, view, zone) for recovery in view.recoveries),
                _communications(view),
                _thresholds(view.thresholds),
                _clauses(view.standing),
                _ledger(view),
            ],
        ],
    ]


def _verdict(view: ReportView) -> h.Element:
    if not view.recoveries:
        return h.section(".verdict.is-unproven")[
            mark("unproven"), h.p["No recovery was measured; so nothing is proven."]
        ]
    kept = all(r.met for r in view.recoveries) and all(
        c.met for c in view.communications
    )
    state = "kept" if kept else "missed"
    word = "Objectives and deadlines kept" if kept else "Not all of it was kept"
    return h.section(f".verdict.is-{state}")[
        mark(state, word),
        (h.p[_in_one_sentence(recovery)] for recovery in view.recoveries),
        h.p[_in_time(view.communications)],
    ]


def _in_one_sentence(recovery: RecoveryView) -> str:
    return (
        f"{recovery.datastore} was restored in {exact(recovery.recovery_time)} on the "
        f"wall, {exact(recovery.recovery_time_business)} in business time, of "
        f"{recovery.recovery_time_limit}. It lost {exact(recovery.data_loss)} of "
        f"transactions, of {recovery.data_loss_limit}: "
        f"{recovery.acknowledged_writes_lost} of {recovery.acknowledged_writes} "
        "acknowledged writes."
    )


def _in_time(communications: tuple[CommunicationView, ...]) -> str:
    in_time = sum(c.met for c in communications)
    return f"{in_time} of {len(communications)} communications were made in time."


def _recovery(recovery: RecoveryView, view: ReportView, zone: str) -> h.Element:
    return h.section[
        h.h2[f"Recovery of {recovery.datastore}"],
        h.p(".quiet")["Incident ", h.code[recovery.incident]],
        _figures(recovery, zone),
        h.h3["What happened, on the wall"],
        h.div(".wide", tabindex="0", role="region", aria_label="Time axis")[
            axis(_moments(recovery, view.communications), zone)
        ],
        _invariants(recovery),
    ]


def _figures(recovery: RecoveryView, zone: str) -> h.Element:
    limit = recovery.recovery_time_limit
    writes = recovery.acknowledged_writes
    rows: tuple[tuple[str, str, h.Node], ...] = (
        ("Recovery time, on the wall", exact(recovery.recovery_time), limit),
        (
            "Recovery time, in business time",
            exact(recovery.recovery_time_business),
            limit,
        ),
        ("Data loss, in time", exact(recovery.data_loss), recovery.data_loss_limit),
        (
            "Data loss, in acknowledged writes",
            f"{recovery.acknowledged_writes_lost} of {writes}",
            f"those of {recovery.data_loss_limit}",
        ),
    )
    return _table(
        ("Figure", "Measured", "Allowed"),
        (
            *(
                h.tr[
                    h.th(scope="row")[name],
                    h.td(".figure")[measured],
                    h.td(data_name="Allowed")[allowed],
                ]
                for name, measured, allowed in rows
            ),
            h.tr[
                h.th(scope="row")["Verdict"],
                h.td[mark("kept" if recovery.met else "missed")],
                h.td["Recovered to ", _moment(recovery.recovered_to, zone)],
            ],
        ),
    )


def _moments(
    recovery: RecoveryView, communications: tuple[CommunicationView, ...]
) -> list[Moment]:
    return [
        Moment(recovery.fault_at, "fault", "bad"),
        Moment(recovery.detected_at, "detected", "bad"),
        Moment(recovery.declared_at, "disaster declared", "bad"),
        *(
            Moment(c.done_at, c.duty, "told")
            for c in communications
            if c.done_at is not None
        ),
        Moment(recovery.restored_at, "restored", "good"),
    ]


def _invariants(recovery: RecoveryView) -> h.Node:
    if not recovery.invariants:
        return h.p["No invariant was declared for these data; none was checked."]
    return [
        h.h3["Data verified by invariants"],
        _table(
            ("Invariant", "Result", "Seen"),
            (
                h.tr[
                    h.th(scope="row")[name],
                    h.td[mark("kept", "holds") if holds else mark("failed")],
                    h.td[seen],
                ]
                for name, holds, seen in recovery.invariants
            ),
        ),
    ]


def _communications(view: ReportView) -> h.Element:
    start = min((r.detected_at for r in view.recoveries), default=None)
    zone = view.standing.zone
    return h.section[
        h.h2["Communications"],
        h.h3["Made for real"],
        _told(view.communications, start, zone)
        if view.communications
        else h.p["None was due."],
        _simulated(view),
    ]


def _simulated(view: ReportView) -> h.Node:
    if not view.simulated:
        return None
    return [
        h.h3["Simulated"],
        h.p(".quiet")[
            "The same policy and code on a simulated clock, for the outage that lasts. "
            "Nobody outside was written to."
        ],
        _told(view.simulated, None, view.standing.zone),
    ]


def _told(
    communications: tuple[CommunicationView, ...], start: datetime | None, zone: str
) -> h.Element:
    return _table(
        ("Duty", "Against its deadline", "Due", "Done"),
        (
            h.tr[
                h.th(scope="row")[
                    c.duty,
                    h.div(".quiet")[f"{c.channel}, recipients: {c.recipients}"],
                    h.div(".quiet")[c.proof],
                ],
                h.td[
                    mark("kept", "in time") if c.met else mark("missed"),
                    h.br,
                    _bar(c, c.from_at or start),
                ],
                h.td(data_name="Due")[_moment(c.due_at, zone)],
                h.td(data_name="Done")[_done(c, zone)],
            ]
            for c in communications
        ),
        "told",
    )


def _bar(communication: CommunicationView, start: datetime | None) -> h.Node:
    done, due = communication.done_at, communication.due_at
    if start is None or due <= start:
        return None
    part = 1.2 if done is None else max(0.0, (done - start) / (due - start))
    taken = "not done" if done is None else f"done after {exact(done - start)}"
    label = f"{taken}, allowed {span(due - start)}"
    return deadline(part, met=communication.met, label=label)


def _done(communication: CommunicationView, zone: str) -> h.Node:
    done, due = communication.done_at, communication.due_at
    if done is None:
        return "not done"
    side = "to spare" if done <= due else "late"
    return [_moment(done, zone), h.br, h.span(".quiet")[f"{span(due - done)} {side}"]]


def _thresholds(thresholds: tuple[tuple[str, str, str], ...]) -> h.Node:
    if not thresholds:
        return None
    return h.section[
        h.h2["Thresholds in force"],
        _table(
            ("Question", "In force", "By whom"),
            (
                h.tr[
                    h.th(scope="row")[question],
                    h.td(data_name="In force")[value],
                    h.td(data_name="By whom")[source],
                ]
                for question, value, source in thresholds
            ),
        ),
    ]


def _clauses(standing: StandingView) -> h.Element:
    sections = groupby(standing.sentences, key=lambda sentence: sentence.section)
    return h.section[
        h.h2["The policy, sentence by sentence"],
        h.p(".quiet")["As of ", when(standing.as_of, standing.zone, "full")],
        (
            [
                title and h.h3[title],
                _table(
                    ("Sentence", "Stands", "Why, and what proves it"),
                    (_clause(sentence) for sentence in sentences),
                    "clauses",
                ),
            ]
            for title, sentences in sections
        ),
    ]


def _clause(sentence: SentenceView) -> h.Element:
    label = h.strong[f"{sentence.label.rstrip(':')}: "] if sentence.label else None
    proofs = (
        f"{proof.text} (#{proof.index})" if proof.index is not None else proof.text
        for proof in sentence.proofs
    )
    return h.tr[
        h.td[
            label,
            sentence.text,
            h.br,
            h.span(".quiet")[
                f"line {sentence.lines[0]}",
                f" · {owner_name(sentence.owner)}" if sentence.owner else None,
            ],
        ],
        h.td[mark(sentence.standing or "quiet")],
        h.td[sentence.reason, (h.div(".quiet")[proof] for proof in proofs)],
    ]


def _ledger(view: ReportView) -> h.Element:
    standing = view.standing
    facts = (
        ("Origin", standing.origin),
        ("Size", str(standing.as_of_index)),
        ("Root", standing.root),
        ("Verifier key", view.verifier_key),
        ("Policy", standing.policy_digest),
    )
    return h.section[
        h.h2["The ledger, and how to check it"],
        h.dl(".dl")[((h.dt[name], h.dd[h.code[value]]) for name, value in facts)],
        h.h3["Signed checkpoint"],
        h.pre[view.checkpoint],
        view.how_to_check
        and [
            h.h3["Check it yourself"],
            h.ol[(h.li[_step(step)] for step in view.how_to_check)],
        ],
    ]


def _step(text: str) -> h.Node:
    """Set what stands between backticks as a command to type."""
    pieces = text.split("`")
    return [h.code[p] if number % 2 else p for number, p in enumerate(pieces)]


def _moment(at: datetime | None, zone: str) -> h.Node:
    return "unknown" if at is None else when(at, zone, "exact")


def _table(
    heads: tuple[str, ...], rows: Iterable[h.Node], kind: str = "figures"
) -> h.Element:
    return h.table(f".stack.{kind}")[
        h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
        h.tbody[rows],
    ]
