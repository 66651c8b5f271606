"""Whatever is broken: a message, a hint, an exit status, and never a traceback."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w
from tests.cli.running import Said, configure, environment, holdfast

Words = list[str | Path]
Breaking = Callable[[Path, Path], Words]


def adopt(home: Path, company: Path) -> Words:
    """Return the command that adopts the company."""
    return ["policy", "adopt", company, "--as", "ana", "--home", home]


def _policy_not_text(home: Path, company: Path) -> Words:
    (company / "policy.md").write_bytes(b"\xff\xfe\x00")
    return adopt(home, company)


def _policy_empty(home: Path, company: Path) -> Words:
    (company / "policy.md").write_text("")
    return adopt(home, company)


def _policy_missing(home: Path, company: Path) -> Words:
    (company / "policy.md").unlink()
    return adopt(home, company)


def _overlay_broken(home: Path, company: Path) -> Words:
    (company / "overlay.toml").write_text("[[decision]\n")
    return adopt(home, company)


def _catalogue_broken(home: Path, company: Path) -> Words:
    text = (company / "catalogue.toml").read_text().replace("rank = 2", 'rank = "[/]"')
    (company / "catalogue.toml").write_text(text)
    return adopt(home, company)


def _settings_not_toml(home: Path, company: Path) -> Words:
    (home / "holdfast.toml").write_text("= nonsense")
    return adopt(home, company)


def _settings_wrong(home: Path, _: Path) -> Words:
    configure(home, nonsense=1, beat_every=-1)
    return ["standing", "--home", home]


def _settings_lease(home: Path, _: Path) -> Words:
    mail = {"host": "relay", "port": 25, "sender": "a@b.example", "timeout": 60}
    configure(home, mail=mail)
    return ["standing", "--home", home]


def _settings_missing(home: Path, _: Path) -> Words:
    (home / "holdfast.toml").unlink()
    return ["incident", "list", "--home", home]


def _ledger_broken(home: Path, _: Path) -> Words:
    (home / "holdfast.sqlite").write_bytes(b"nonsense" * 999)
    return ["ledger", "verify", "--home", home]


def _ledger_cut(home: Path, _: Path) -> Words:
    file = home / "holdfast.sqlite"
    file.write_bytes(file.read_bytes()[:6000])
    return ["standing", "--home", home]


def _ledger_missing(home: Path, _: Path) -> Words:
    (home / "holdfast.sqlite").unlink()
    return ["standing", "--home", home]


def _store_unreachable(home: Path, _: Path) -> Words:
    configure(home, store="postgresql://holdfast@127.0.0.1:1/none")
    return ["standing", "--home", home]


def _wrong_person(home: Path, company: Path) -> Words:
    return [*adopt(home, company)[:4], "mallory", "--home", home]


def _no_incident(home: Path, _: Path) -> Words:
    return ["incident", "ack", "--as", "eli", "--home", home]


def _bad_key(home: Path, _: Path) -> Words:
    (home / "ledger.key").write_text("holdfast.example/log\nnonsense\n")
    return ["standing", "--home", home]


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (_policy_not_text, "is not UTF-8 text"),
        (_policy_empty, "the policy has no sentence"),
        (_policy_missing, "no policy at"),
        (_overlay_broken, "overlay.toml"),
        (_catalogue_broken, "catalogue.toml"),
        (_settings_not_toml, "the settings are not TOML"),
        (_settings_wrong, "nonsense"),
        (_settings_lease, "delivery_lease must be at least twice"),
        (_settings_missing, "no settings at"),
        (_ledger_broken, "ledger"),
        (_ledger_cut, "ledger"),
        (_ledger_missing, "ledger"),
        (_store_unreachable, "PostgreSQL cannot be reached"),
        (_wrong_person, "mallory (not in the catalogue) may not adopt"),
        (_no_incident, "no incident is running"),
        (_bad_key, "is not 64 hexadecimal digits"),
    ],
)
def test_broken(home: Path, company: Path, breaking: Breaking, message: str) -> None:
    """A broken input is told as a message and a hint, as JSON too."""
    words = breaking(home, company)
    check_text(holdfast(*words), message)
    said = holdfast(*words, "--json")
    assert said.status == 1
    assert said.out == ""
    told = json.loads(said.errors)
    assert told["error"]
    assert all(fault["hint"] for fault in [told, *told["faults"]])


def check_text(said: Said, message: str) -> None:
    """Check that people were told."""
    assert said.status == 1, said
    assert said.out == ""
    assert said.errors.startswith("error: ")
    assert message in said.errors
    assert "\nhint: " in said.errors
    assert "Traceback" not in said.errors


def pgbackrest(folder: Path, bin_folder: str, tool: str) -> dict[str, object]:
    """Return the settings of a PostgreSQL whose programs lie there."""
    return {
        "id": "orders",
        "folder": str(folder),
        "stanza": "orders",
        "pgbackrest": tool,
        "cluster": {
            "data": str(folder / "data"),
            "port": 5999,
            "socket_folder": str(folder),
            "log": str(folder / "log"),
            "bin_folder": bin_folder,
        },
        "repositories": [
            {
                "number": 1,
                "path": str(folder / "repository"),
                "key_file": str(folder / "repository.key"),
                "off_site": False,
            }
        ],
    }


def configure_runner(home: Path, **settings: object) -> None:
    """Write the runner's settings."""
    (home / "runner.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")


def _no_server_programs(home: Path) -> None:
    protected = pgbackrest(home, "/nowhere/bin", "/bin/true")
    configure_runner(home, pgbackrest=[protected])


def _no_pgbackrest(home: Path) -> None:
    protected = pgbackrest(home, "/bin", "/nowhere/pgbackrest")
    configure_runner(home, pgbackrest=[protected])


def _no_log_key(home: Path) -> None:
    (home / "ledger.vkey").unlink()
    configure_runner(home, publish=[{"url": "file:///nowhere"}])


def _no_store(home: Path) -> None:
    configure_runner(home, store=f"sqlite:///{home / 'other.sqlite'}")


def _runner_unknown(home: Path) -> None:
    configure_runner(home, pgbackrests=[])


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (_no_server_programs, "/nowhere/bin/postgres"),
        (_no_pgbackrest, "/nowhere/pgbackrest"),
        (_no_log_key, "public key cannot be read"),
        (_no_store, "there is no ledger file"),
        (_runner_unknown, "pgbackrests"),
        (lambda home: (home / "runner.toml").unlink(), "no settings at"),
    ],
)
def test_runner_does_not_start(
    home: Path, breaking: Callable[[Path], None], message: str
) -> None:
    """A runner that could not do its work says why, and does not start."""
    breaking(home)
    check_text(holdfast("runner", "--home", home), message)


def test_the_node_holds_no_engine(home: Path) -> None:
    """What belongs to the runner is refused in the node's settings, by name."""
    configure(home, pgbackrest=[pgbackrest(home, "/bin", "/bin/true")])
    said = holdfast("serve", "--home", home)
    check_text(said, "pgbackrest belongs into runner.toml")


def _no_session_key(home: Path) -> Words:
    (home / "session.key").unlink()
    return []


def _open_secret(home: Path) -> Words:
    (home / "ledger.key").chmod(0o644)
    return []


def _open_password(home: Path) -> Words:
    (home / "password-eli").write_text("nonsense")
    configure(home, web={"port": 0, "passwords": {"eli": "password-eli"}})
    return []


def _sender(home: Path) -> Words:
    configure(home, mail={"host": "relay", "port": 25, "sender": "nobody"})
    return []


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (_no_session_key, "session.key cannot be read"),
        (_open_secret, "key file may be read by others"),
        (_open_password, "password-eli may be read by others"),
        (_sender, "is not an e-mail address"),
    ],
)
def test_node_does_not_start(
    home: Path, breaking: Callable[[Path], Words], message: str
) -> None:
    """A node that could not do its work says why, and does not start."""
    check_text(holdfast("serve", "--home", home, *breaking(home)), message)


def test_occupied_port(home: Path) -> None:
    """A port that is taken is named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = holdfast("serve", "--home", home, "--port", str(port))
    check_text(said, f"port {port} on 127.0.0.1 is in use")


def test_read_only(home: Path, company: Path, tmp_path: Path) -> None:
    """A place that cannot be written is named, by each command that writes."""
    place = tmp_path / "closed"
    place.mkdir(mode=0o500)
    check_text(holdfast("init", "--home", place / "home", obedient=True), str(place))
    (home / "holdfast.sqlite").chmod(0o400)
    home.chmod(0o500)
    (company / "policy.md").write_text("# A policy\n\nAll is well.\n")
    for words in (adopt(home, company), ["serve", "--home", home]):
        check_text(holdfast(*words, obedient=True), "holdfast.sqlite")
    said = holdfast(
        "password", "eli", "--home", home, given="long enough\n", obedient=True
    )
    check_text(said, "password-eli")
    home.chmod(0o700)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["password", "eli", "--home"], "fewer than 8 characters"),
        (["init", "--home"], "exists already"),
    ],
)
def test_refused(home: Path, words: Words, message: str) -> None:
    """What would do harm is refused."""
    check_text(holdfast(*words, home), message)


@pytest.mark.parametrize("port", ["-1", "99999"])
@pytest.mark.parametrize("words", [["serve"], ["witness", "serve"]])
def test_no_port(words: list[str], port: str) -> None:
    """A number that is no port is a command that was not understood."""
    said = holdfast(*words, f"--port={port}")
    assert said.status == 2
    assert "Invalid value for '--port'" in said.errors


def test_output_that_was_closed(home: Path) -> None:
    """Nothing of ours is opened in place of a stream that is not there."""
    command = shlex.join([sys.executable, "-m", "holdfast", "standing", "--json"])
    for closed in (">&-", "<&- >&- 2>&-", "2>&-"):
        done = subprocess.run(
            ["sh", "-c", f"exec {command} --home {shlex.quote(str(home))} {closed}"],
            check=False,
            capture_output=True,
            text=True,
            env=environment(),
        )
        assert done.returncode in (0, 1), closed
        assert "fault of Holdfast" not in done.stderr


def test_a_word_is_not_made_a_picture(home: Path) -> None:
    """What somebody typed is repeated as it is."""
    said = holdfast("ledger", "verify", ":a:", "--home", home)
    assert said.errors.startswith("error: :a:: there is no such folder")


def test_not_understood() -> None:
    """A command that is not understood ends with status 2."""
    said = holdfast("nonsense")
    assert said.status == 2
    assert "Traceback" not in said.errors
