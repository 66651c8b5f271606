"""The policy, sentence by sentence: how each stands, why, and what proves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Literal

import htpy as h

from holdfast.evidence.parts import mark, shape, when
from holdfast.evidence.views import Proof, SentenceView, Standing, StandingView
from holdfast.evidence.words import (
    STANDING_WORDS,
    ago,
    control_name,
    due,
    owner_name,
    rfc3339,
)

Show = Literal["all", "breached", "at_risk", "stale", "unproven", "unbound", "met"]


def counts(view: StandingView, show: Show) -> h.Element:
    """Count the sentences by how they stand; each count is a filter."""
    found = Counter(s.standing for s in view.sentences)
    return h.nav("#counts.counts", aria_label="Filter by standing")[
        h.ul[
            _filter("all", f"all {len(view.sentences)}", show),
            (
                _filter(standing, f"{found[standing]} {word}", show)
                for standing, word in STANDING_WORDS.items()
                if found[standing] or show == standing
            ),
        ]
    ]


def sections(view: StandingView, show: Show) -> Iterator[tuple[str, h.Element]]:
    """Yield each section of the policy under its element's id, filtered."""
    for number, (title, group) in enumerate(
        groupby(view.sentences, key=lambda sentence: sentence.section)
    ):
        key = f"section-{number}"
        wanted = [s for s in group if show in {"all", s.standing}]
        yield (
            key,
            h.section(id=key, aria_labelledby=f"{key}-title", hidden=not wanted)[
                h.h3(id=f"{key}-title")[title],
                h.ul(".sentences")[(_sentence(s, view) for s in wanted)],
            ],
        )


def _filter(key: Show | Standing, text: str, show: Show) -> h.Element:
    target = "/" if key == "all" else f"/?show={key}"
    return h.li[
        h.a(
            f".chip.is-{key.replace('_', '-')}",
            href=f"{target}#policy",
            aria_current="true" if key == show else None,
        )[key != "all" and shape(key), text]
    ]


def _sentence(sentence: SentenceView, view: StandingView) -> h.Element:
    if sentence.standing is None:
        return h.li(".sentence.informs")[
            h.p(".text")[_label(sentence), sentence.text],
            h.p(".quiet")[_lines(sentence), " · for information"],
        ]
    return h.li(".sentence")[
        h.div(".state")[
            mark(sentence.standing),
            sentence.control and h.span(".control")[control_name(sentence.control)],
            h.span(".control")[_lines(sentence)],
        ],
        h.div(".body")[
            h.p(".text")[_label(sentence), sentence.text],
            sentence.reason and h.p(".reason")[sentence.reason],
            _awaiting(sentence),
            _proofs(sentence.proofs, view.as_of),
        ],
        h.dl(".duty")[
            _pair("Owner", owner_name(sentence.owner) if sentence.owner else "nobody"),
            _next_due(sentence.next_due_at, view),
        ],
    ]


def _label(sentence: SentenceView) -> h.Node:
    return sentence.label and h.strong[f"{sentence.label.rstrip(':')}: "]


def _lines(sentence: SentenceView) -> str:
    first, last = sentence.lines
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _awaiting(sentence: SentenceView) -> h.Node:
    if not sentence.awaiting:
        return None
    return h.p(".awaiting")[
        h.strong["Awaiting approval: "], "; ".join(sentence.awaiting)
    ]


def _proofs(proofs: tuple[Proof, ...], now: datetime) -> h.Node:
    if not proofs:
        return None
    return h.ul(".proofs", aria_label="Evidence")[
        (
            h.li[
                proof.text,
                _observed(proof.observed_at, now),
                proof.index is not None and h.span(".index")[f"#{proof.index}"],
            ]
            for proof in proofs
        )
    ]


def _observed(at: datetime | None, now: datetime) -> h.Node:
    if at is None:
        return None
    return [" · ", h.time(datetime=rfc3339(at))[ago(at, now)]]


def _next_due(at: datetime | None, view: StandingView) -> h.Node:
    if at is None:
        return None
    moment = h.span(".quiet")[when(at, view.zone)]
    return _pair("Next due", [h.span(".due")[due(at, view.as_of)], h.br, moment])


def _pair(name: str, value: h.Node) -> h.Element:
    return h.div[h.dt[name], h.dd[value]]
