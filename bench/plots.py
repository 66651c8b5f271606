"""The bench's plots: small SVG files that can be read on light and on dark pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from losing import Loss
from restoring import Timed

WIDTH, LEFT, RIGHT, ROW = 720, 150, 70, 30
STYLE = """
 text { font: 13px system-ui, sans-serif; fill: #333 }
 .quiet { fill: #666 } .line { stroke: #999 } .limit { stroke: #b3261e }
 .limit-text { fill: #b3261e } .dot { fill: #1f5fa8; fill-opacity: .75 }
 .s0 { fill: #1f5fa8 } .s1 { fill: #3d8b6e } .s2 { fill: #c98a1b } .s3 { fill: #8a8a8a }
 @media (prefers-color-scheme: dark) {
  text { fill: #ddd } .quiet { fill: #aaa } .line { stroke: #777 }
  .limit { stroke: #f2827a } .limit-text { fill: #f2827a } .dot { fill: #7fb2ea }
  .s0 { fill: #7fb2ea } .s1 { fill: #74c4a4 } .s2 { fill: #e5b454 } .s3 { fill: #aaa }
 }
"""
KINDS = ("restore", "replay", "verify", "the rest")


def times_plot(timed: Sequence[Timed]) -> str:
    """Draw each run as two bars, drill and by hand, in their steps."""
    bars = [
        (f"{t.size}, {who}", wall, steps)
        for t in timed
        for who, wall, steps in (
            ("drill", t.drill, t.drill_steps),
            ("by hand", t.hand, t.hand_steps),
        )
    ]
    top = max(wall for _, wall, _ in bars)
    parts = [_legend()]
    for number, (label, wall, steps) in enumerate(bars):
        y = 40 + number * ROW
        parts.append(_text(LEFT - 8, y + 14, label, "end"))
        x = float(LEFT)
        for kind, length in enumerate(_lengths(wall, steps)):
            width = length / top * (WIDTH - LEFT - RIGHT)
            parts.append(
                f'<rect class="s{kind}" x="{x:.1f}" y="{y}" width="{width:.1f}"'
                f' height="18"><title>{KINDS[kind]}: {length:.1f} s</title></rect>'
            )
            x += width
        parts.append(_text(x + 6, y + 14, f"{wall:.1f} s"))
    said = "; ".join(f"{label} {wall:.1f} seconds" for label, wall, _ in bars)
    return _svg(50 + len(bars) * ROW, parts, f"Wall time of each run: {said}")


def losses_plot(lost: Sequence[Loss], limit: float) -> str:
    """Draw every crash as a dot over the seconds that it lost, and the limit."""
    kinds = list(dict.fromkeys(loss.kind for loss in lost))
    top = max(limit * 1.15, *(loss.seconds for loss in lost))
    height = 50 + len(kinds) * 70

    def place(seconds: float) -> float:
        return LEFT + seconds / top * (WIDTH - LEFT - RIGHT)

    parts = []
    for second in range(int(top) + 1):
        x = place(second)
        parts.append(_line(x, 20, x, height - 28, "line"))
        parts.append(_text(x, height - 10, f"{second} s", "middle", "quiet"))
    parts.append(_line(place(limit), 14, place(limit), height - 28, "limit"))
    parts.append(_text(place(limit) + 4, 14, "allowed", "start", "limit-text"))
    for row, kind in enumerate(kinds):
        y = 50 + row * 70
        parts.append(_text(LEFT - 8, y + 4, kind, "end"))
        own = sorted(loss.seconds for loss in lost if loss.kind == kind)
        parts.extend(
            # Side by side in height, so that equal ones do not hide each other.
            f'<circle class="dot" cx="{place(seconds):.1f}"'
            f' cy="{y - 16 + 32 * number / max(1, len(own) - 1):.1f}" r="5">'
            f"<title>{seconds:.2f} s</title></circle>"
            for number, seconds in enumerate(own)
        )
    said = "; ".join(
        f"{kind}: at most {max(x.seconds for x in lost if x.kind == kind):.2f} seconds"
        for kind in kinds
    )
    return _svg(height, parts, f"Seconds lost in each crash. {said}; allowed {limit}")


def _lengths(wall: float, steps: Iterable[tuple[str, float]]) -> list[float]:
    known = dict.fromkeys(KINDS[:-1], 0.0)
    for name, spent in steps:
        if name in known:
            known[name] += spent
    return [*known.values(), max(0.0, wall - sum(known.values()))]


def _legend() -> str:
    parts = []
    for kind, name in enumerate(KINDS):
        x = LEFT + kind * 110
        parts.append(f'<rect class="s{kind}" x="{x}" y="8" width="12" height="12"/>')
        parts.append(_text(x + 18, 19, name, "start", "quiet"))
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return (
        f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="{kind}" {ends}/>'


def _svg(height: int, parts: Iterable[str], label: str) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' role="img" aria-label="{escape(label)}">\n<style>{STYLE}</style>\n'
        f"{body}\n</svg>\n"
    )
