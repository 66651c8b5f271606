"""The report's style: on paper first, legible on any screen, no file beside it."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b2127; --quiet: #55606b;
  --line: #cfd5da; --met: #1d6b41; --risk: #8a5300; --bad: #b3202c; --open: #4d5a87;
  --accent: #1f5f8b; --on-mark: #fff; --wash: #f4f6f7; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #14181c;
  --ink: #e6eaed; --quiet: #a3aeb8; --line: #3a444c; --met: #74cf9b; --risk: #f2b84b;
  --bad: #ff8f8a; --open: #aab6e8; --accent: #7dbbe6; --on-mark: #14181c;
  --wash: #1c2227; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 56rem; padding: 1.5rem clamp(.9rem, 4vw, 2.5rem) 3rem;
  background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, "Segoe UI",
  Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums;
  overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1.02rem; margin: 1.3rem 0 .3rem; }
p { margin: .3rem 0; }
.quiet, .utc, .index { color: var(--quiet); }
.quiet { font-size: .9rem; }
time, .utc { white-space: nowrap; }
code, pre { font: .87em/1.45 ui-monospace, Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
pre { white-space: pre-wrap; background: var(--wash); border: 1px solid var(--line);
  border-radius: .3rem; padding: .7rem .9rem; }
.verdict { border: 1px solid var(--line); border-left: 6px solid var(--state);
  border-radius: .4rem; padding: .9rem 1.1rem; margin: 1.1rem 0;
  background: var(--wash); }
.verdict .mark { font-size: 1.5rem; white-space: normal; }
.mark { display: inline-flex; align-items: center; gap: .4em; font-weight: 650;
  white-space: nowrap; color: var(--state); }
.shape { width: 1.05em; height: 1.05em; flex: none; fill: currentColor; }
.shape .ink { fill: none; stroke: var(--on-mark); stroke-width: 1.8;
  stroke-linecap: round; stroke-linejoin: round; }
.shape .hollow, .shape .line { fill: none; stroke: currentColor; stroke-width: 1.7; }
.is-met, .is-kept { --state: var(--met); }
.is-at-risk, .is-stale { --state: var(--risk); }
.is-breached, .is-missed, .is-failed { --state: var(--bad); }
.is-unproven, .is-unbound { --state: var(--open); }
.is-quiet { --state: var(--quiet); font-weight: 400; }
table { border-collapse: collapse; width: 100%; margin: .4rem 0; }
caption { text-align: left; color: var(--quiet); font-size: .9rem;
  padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .42rem .8rem .42rem 0;
  border-top: 1px solid var(--line); }
thead th { border-top: 0; font-size: .85rem; color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 600; }
th .quiet { font-weight: 400; }
.clauses th:first-child { width: 45%; }
.clauses th:nth-child(2) { width: 9.5rem; }
.told th:first-child { width: 32%; }
td.figure { font-size: 1.15rem; font-weight: 650; white-space: nowrap; }
.wide { overflow-x: auto; }
svg { overflow: visible; }
.axis { width: 100%; height: auto; }
.axis line { stroke: var(--quiet); stroke-width: 1.5; }
.axis .stem { stroke: var(--line); stroke-width: 1; }
.axis text { fill: var(--ink); font-size: 12.5px; paint-order: stroke;
  stroke: var(--paper); stroke-width: 4px; }
.deadline { width: 10rem; height: 1.25rem; }
.deadline .track { fill: var(--line); }
.deadline line { stroke: var(--ink); stroke-width: 1.5; }
svg .bad { fill: var(--bad); } svg .good { fill: var(--met); }
svg .told { fill: var(--accent); } svg path.bad { stroke: var(--bad); }
ol li { margin: .4rem 0; }
.dl { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: .3rem .8rem;
  margin: .5rem 0; }
.dl dt { color: var(--quiet); } .dl dd { margin: 0; }
@media (max-width: 40rem) {
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }
  .stack tr { display: block; padding: .5rem 0; border-top: 1px solid var(--line); }
  .stack th, .stack td { display: block; border: 0; padding: .1rem 0; }
  .stack td[data-name]::before { content: attr(data-name) ": "; color: var(--quiet);
    font-size: .85rem; font-weight: 400; }
  .axis { min-width: 34rem; }
}
@page { size: A4; margin: 16mm 14mm; }
@media print {
  html { font-size: 9.5pt; }
  body { max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; }
  tr, .verdict, .axis, pre, li { break-inside: avoid; }
  .shape, svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
