"""The report: verdict first, alone in one file, safe to open."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from tests.evidence.sample_report import RECOVERY, REPORT, after

from holdfast.evidence.report import render_report


def test_the_report_stands_alone():
    """The file loads nothing: no script, no link, no picture from elsewhere."""
    text = render_report(REPORT)
    assert text.startswith("<!doctype html>")
    assert not re.search(r"<(script|link|img|iframe)|url\(|@import|https?://", text)


def test_the_verdict_comes_before_the_figures():
    """Whoever reads one line reads whether the policy was kept."""
    text = render_report(REPORT)
    assert text.index("Objectives and deadlines kept") < text.index(
        "Recovery time, on the wall"
    )


def test_every_figure_stands_against_its_limit():
    """Recovery time on the wall and in business time, and loss in time and writes."""
    text = render_report(REPORT)
    for told in ("42.4 s", "4 business hours", "0.6 s", "1 hour", "9 of 1874"):
        assert told in text


def test_a_missed_limit_is_the_verdict():
    """One missed limit and the policy was not kept."""
    report = replace(REPORT, recoveries=(replace(RECOVERY, met=False),))
    assert "Not all of it was kept" in render_report(report)


def test_a_late_communication_is_the_verdict():
    """One communication too late and the policy was not kept."""
    late = replace(REPORT.communications[0], met=False, done_at=None)
    text = render_report(replace(REPORT, communications=(late,)))
    assert "Not all of it was kept" in text
    assert "not done" in text


def test_without_a_recovery_nothing_is_claimed():
    """Unproven is not met: no measurement, no verdict."""
    text = render_report(replace(REPORT, recoveries=(), communications=()))
    assert "nothing is proven" in text
    assert "Objectives and deadlines kept" not in text


def test_simulated_communications_stand_apart():
    """What was only simulated is said to be, and does not touch the verdict."""
    text = render_report(REPORT)
    assert text.index("Made for real") < text.index("on a simulated clock")
    assert "missed" in text
    assert "Objectives and deadlines kept" in text


def test_the_axis_survives_a_single_moment():
    """A disaster in which everything happened at once still has a picture."""
    at_once = replace(
        RECOVERY,
        detected_at=after(0),
        declared_at=after(0),
        restored_at=after(0),
        recovery_time=timedelta(),
    )
    text = render_report(replace(REPORT, recoveries=(at_once,), communications=()))
    assert '="nan' not in text
    assert "+0.0 s restored" in text


def test_hostile_text_stays_text():
    """Markup in anything that people wrote is shown, never run."""
    evil = '</title></style><script>alert(1)</script>"><img src=x>'
    text = render_report(
        replace(
            REPORT,
            title=evil,
            checkpoint=evil,
            verifier_key=evil,
            how_to_check=(evil, f"`{evil}`"),
            thresholds=((evil, evil, evil),),
            communications=(replace(REPORT.communications[0], duty=evil, proof=evil),),
            recoveries=(
                replace(
                    RECOVERY,
                    datastore=evil,
                    incident=evil,
                    invariants=((evil, False, evil),),
                ),
            ),
        )
    )
    assert "<script>" not in text
    assert "<img" not in text


def test_every_sentence_is_accounted_for():
    """All 36 sentences stand in the report with how they stand."""
    text = render_report(REPORT)
    clauses = text[text.index("The policy, sentence by sentence") :]
    assert clauses.count("<tr>") == 36 + clauses.count("<thead>")


def test_how_to_check_shows_commands_as_such():
    """What stands between backticks is set as a command."""
    text = render_report(REPORT)
    assert "<code>holdfast ledger verify --export ledger/</code>" in text
