"""A headless Chromium, driven over two pipes: no port is opened for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
# The browser reads its orders from descriptor 3 and answers on 4. Both are first
# moved out of the way, since either may already have the other's number.
_MOVE = """
import fcntl, os, sys
orders, answers = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3])
os.dup2(orders, 3)
os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--hide-scrollbars"),
    *("--disable-component-update", "--disable-sync", "--remote-debugging-pipe"),
)

FAINT = """
(() => {
  const parse = c => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  for (let node; (node = texts.nextNode());) {
    const e = node.parentElement;
    if (!node.data.trim() || !e.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.add(node.data.trim() + " " + ratio.toFixed(2));
  }
  return [...found];
})()
"""
"""Yields the texts whose contrast is below that of WCAG AA for small letters."""


class Page:
    """One page of the browser."""

    def __init__(self, orders: int, answers: int) -> None:
        self._orders, self._answers = orders, answers
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.complaints: list[str] = []
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        attached = self.tell("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for part in ("Page", "Runtime", "Log", "Network"):
            self.tell(f"{part}.enable")

    def tell(self, method: str, **params: object) -> dict[str, Any]:
        """Give an order and wait for its answer."""
        self._number += 1
        order = {"id": self._number, "method": method, "params": params}
        if self._session:
            order["sessionId"] = self._session
        os.write(self._orders, json.dumps(order).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, url: str, *, width: int, scheme: str, scripts: bool = True) -> None:
        """Open a page at a width and in a colour scheme, and wait until it is there."""
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=False,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.tell("Emulation.setEmulatedMedia", features=[feature])
        self.tell("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.tell("Page.navigate", url=url)
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def press(self, key: str, times: int = 1) -> None:
        """Press a key of the keyboard."""
        code, text = {"Tab": (9, ""), "Enter": (13, "\r")}[key]
        for _ in range(times):
            for kind in ("keyDown", "keyUp"):
                self.tell(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=key,
                    code=key,
                    windowsVirtualKeyCode=code,
                    text=text if kind == "keyDown" else "",
                )

    def html(self) -> str:
        """Return the page as it stands, also where scripts are off."""
        document = self.tell("DOM.getDocument")["root"]["nodeId"]
        return str(self.tell("DOM.getOuterHTML", nodeId=document)["outerHTML"])

    def ask(self, expression: str) -> Any:
        """Return what an expression yields in the page, awaited."""
        answer = self.tell(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until a condition holds in the page, looking at every change of it."""
        self.ask(
            f"""new Promise(done => {{
                const look = () => {{ if ({condition}) done(true); }};
                new MutationObserver(look).observe(document, {{
                  subtree: true, childList: true, attributes: true, characterData: true
                }});
                look();
            }})"""
        )

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            got = os.read(self._answers, 1 << 16)
            assert got, "the browser is gone"
            self._buffer += got
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        self._note(answer)
        return answer

    def _note(self, answer: dict[str, Any]) -> None:
        if answer.get("method") in {"Log.entryAdded", "Runtime.exceptionThrown"}:
            self.complaints.append(json.dumps(answer["params"]))


@contextmanager
def browsing(profile: Path) -> Iterator[Page]:
    """Run a browser with a profile of its own while the block runs."""
    assert CHROMIUM
    their_orders, orders = os.pipe()
    answers, their_answers = os.pipe()
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _MOVE, str(their_orders), str(their_answers)),
            *(CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"),
        ],
        pass_fds=(their_orders, their_answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_orders)
    os.close(their_answers)
    try:
        yield Page(orders, answers)
    finally:
        process.terminate()
        process.wait(60)
        os.close(orders)
        os.close(answers)
