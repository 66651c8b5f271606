"""Northwind Ledgers, the company in a box: its resilience folder and its settings."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from argon2 import PasswordHasher

from holdfast.assembly.keys import create_key, write_private
from holdfast.demo.shop_invariants import INVARIANTS
from holdfast.domain.policy.compiler import compile_policy
from holdfast.domain.questions import BY_NAME, Role
from holdfast.engines.protected import Protected

SERVICE = "ledgers-app"
DATASTORE = "orders"
ORIGIN = "holdfast.northwind.example/log"

# Thresholds that the box approves in seconds; the policy's defaults are minutes.
SHORTENED = {
    "disruption_confirmed_after": "3 s",
    "restored_after_green": "5 s",
}
PEOPLE: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("ana", "Ana Ruiz", ("RC",)),
    ("ben", "Ben Okafor", ("RC",)),
    ("chi", "Chi Nguyen", ("PL", "IRT")),
    ("dora", "Dora Lind", ("PL",)),
    ("eli", "Eli Marsh", ("IRT",)),
    ("fay", "Fay Tan", ("IRT",)),
    ("gus", "Gus Hale", ("CS",)),
    ("hana", "Hana Sato", ("CS",)),
)
CUSTOMERS = 12
# Who signs in here, all with one password that is made anew and shown.
SIGNS_IN = ("chi", "eli", "ana")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts of the box listen, on loopback."""

    shop: int
    slack: int
    mail: int
    status: int
    web: int


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the parts of the box keep what they receive."""

    status: Path
    store: Path
    slack_token: str

    @property
    def store_url(self) -> str:
        """The address of the log, which node and runner share."""
        return f"sqlite:///{self.store / 'holdfast.sqlite'}"


def policy_text() -> str:
    """Return the example policy."""
    source = resources.files("holdfast.demo") / "company" / "policy.md"
    return source.read_text(encoding="utf-8")


def write_runbook(folder: Path) -> None:
    """Write the runbook that leads the recovery of the orders."""
    source = resources.files("holdfast.demo") / "company" / "runbook-orders.md"
    (folder / "runbooks").mkdir(exist_ok=True)
    text = source.read_text(encoding="utf-8")
    (folder / "runbooks" / "orders.md").write_text(text, encoding="utf-8")


def write_example(folder: Path) -> None:
    """Write the example policy and catalogue for somebody to edit."""
    folder.mkdir(parents=True)
    (folder / "policy.md").write_text(policy_text(), encoding="utf-8")
    write_runbook(folder)
    catalogue = tomli_w.dumps(_catalogue(8080, "pgbackrest"), multiline_strings=True)
    text = f"# Everything here is an example: docs/formats/catalogue.md.\n\n{catalogue}"
    (folder / "catalogue.toml").write_text(text, encoding="utf-8")


def write_resilience(folder: Path, shop_port: int, engine: str = "pgbackrest") -> None:
    """Write policy, catalogue and overlay."""
    folder.mkdir(parents=True, exist_ok=True)
    write_runbook(folder)
    policy = policy_text()
    (folder / "policy.md").write_text(policy, encoding="utf-8")
    catalogue = tomli_w.dumps(_catalogue(shop_port, engine), multiline_strings=True)
    (folder / "catalogue.toml").write_text(catalogue, encoding="utf-8")
    (folder / "overlay.toml").write_text(tomli_w.dumps(_overlay(policy)), "utf-8")


def write_home(home: Path, ports: Ports, folders: Folders) -> str:
    """Write the node's settings and keys; return the password of those who sign in."""
    home.mkdir(mode=0o711)
    vkey = create_key(home / "ledger.key", ORIGIN)
    (home / "ledger.vkey").write_text(f"{vkey}\n", encoding="utf-8")
    password = secrets.token_urlsafe(9)
    signing = PasswordHasher().hash(password)
    write_private(home / "session.key", secrets.token_hex(32) + "\n")
    for person in SIGNS_IN:
        write_private(home / f"password-{person}", signing + "\n")
    write_private(home / "slack.token", folders.slack_token + "\n")
    settings = {
        "node": "node-1",
        "store": folders.store_url,
        "beat_every": 0.25,
        "probe_loopback": True,
        "web": {
            "port": ports.web,
            "passwords": {person: f"password-{person}" for person in SIGNS_IN},
            "session_key": "session.key",
        },
        "slack": {
            "token": "slack.token",
            "irt_channel": "C0IRT",
            "base_url": f"http://127.0.0.1:{ports.slack}/api/",
        },
        "mail": {
            "host": "127.0.0.1",
            "port": ports.mail,
            "sender": "status@northwind.example",
        },
        "status_page": {
            "folders": [str(folders.status)],
            "public_url": f"http://127.0.0.1:{ports.status}/",
        },
    }
    (home / "holdfast.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
    return password


def write_runner(
    home: Path, node: Path, folders: Folders, protected: Protected
) -> None:
    """Write the runner's settings, in a folder of its own beside the node's home."""
    home.mkdir(mode=0o700)
    settings = {
        "runner": "runner-1",
        "store": folders.store_url,
        "log_key": str(node / "ledger.vkey"),
        "work_every": 0.25,
        "pgbackrest": [_plain(protected)],
    }
    (home / "runner.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")


def _plain(protected: Protected) -> dict[str, Any]:
    cluster = protected.cluster
    return {
        "id": protected.id,
        "folder": str(protected.folder),
        "stanza": protected.stanza,
        "cluster": {
            "data": str(cluster.data),
            "port": cluster.port,
            "socket_folder": str(cluster.socket_folder),
            "log": str(cluster.log),
            "passfile": str(cluster.passfile),
            "bin_folder": str(cluster.bin_folder),
        },
        "repositories": [
            {
                "number": repository.number,
                "path": str(repository.path),
                "key_file": str(repository.key_file),
                "off_site": repository.off_site,
                **(
                    {"escrow_file": str(repository.escrow_file)}
                    if repository.escrow_file
                    else {}
                ),
            }
            for repository in protected.repositories
        ],
    }


def _catalogue(shop_port: int, engine: str) -> dict[str, Any]:
    return {
        "company": "Northwind Ledgers",
        "origin": ORIGIN,
        "people": [
            {
                "id": name,
                "name": full_name,
                "email": f"{name}@northwind.example",
                "roles": list(roles),
            }
            for name, full_name, roles in PEOPLE
        ],
        "functions": [
            {"id": "platform", "rank": 1, "name": "SaaS platform"},
            {"id": "support", "rank": 2, "name": "Customer support"},
            {"id": "pipeline", "rank": 3, "name": "Development pipeline"},
            {"id": "finance", "rank": 4, "name": "Finance"},
        ],
        "environments": [
            _cloud("production", "northwind-prod", "ap-southeast-2"),
            _cloud("vault", "northwind-vault", "ap-southeast-4"),
        ],
        "services": [
            {
                "id": SERVICE,
                "name": "Northwind Ledgers",
                "function": "platform",
                "customer_facing": True,
                "datastores": [DATASTORE],
                "probe": {
                    "url": f"http://127.0.0.1:{shop_port}/health",
                    "every": "2 s",
                    "timeout": "2 s",
                    "expect_text": "ok",
                },
            },
        ],
        "datastores": [
            {
                "id": DATASTORE,
                "name": "Orders",
                "engine": engine,
                "environment": "production",
                "backup_environment": "vault",
                "production": True,
                "customer_data": True,
                "invariants": [
                    {"name": each.name, "sql": " ".join(each.sql.split())}
                    for each in INVARIANTS
                ],
            }
        ],
        "customers": [
            {
                "id": f"c{number:02}",
                "email": f"customer{number:02}@client.example",
                "services": [SERVICE],
            }
            for number in range(1, CUSTOMERS + 1)
        ],
        "suppliers": [
            {
                "id": "cloud",
                "name": "Example Cloud",
                "purpose": "hosting",
                "critical": True,
            }
        ],
        "vantage_points": [
            {"id": name, "region": name, "source_address": address}
            for name, address in (
                ("melbourne", "127.0.0.1"),
                ("singapore", "127.0.0.2"),
                ("frankfurt", "127.0.0.3"),
            )
        ],
    }


def _cloud(name: str, account: str, region: str) -> dict[str, str]:
    return {
        "id": name,
        "kind": "cloud",
        "provider": "example-cloud",
        "account": account,
        "region": region,
    }


def _overlay(policy: str) -> dict[str, Any]:
    approvers = {role: name for name, _, roles in reversed(PEOPLE) for role in roles}
    decisions = []
    for asked in compile_policy(policy).open_questions:
        question = BY_NAME[asked.question]
        decisions.append(
            {
                "question": question.name,
                "anchor": asked.anchor,
                "value": SHORTENED.get(question.name, question.default),
                "role": question.approver,
                "approved_by": approvers[question.approver],
                "approved_on": date(2026, 11, 2),
            }
        )
    return {"decision": decisions}
