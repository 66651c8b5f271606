"""A repository on a host that speaks SFTP: a real sshd on loopback.

Debian's pgBackRest 2.45 has no SFTP, so with it the story ends at the gate's word. With
``HOLDFAST_PGBACKREST`` naming a newer one (2.46 or later, built with libssh2), and an
sshd installed, the whole cycle is told.
"""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.engines.account import own_folder, unprivileged, write_private
from holdfast.engines.deleting import try_to_delete
from holdfast.engines.pgbackrest_command import call, configure_production
from holdfast.engines.places import SftpAt
from holdfast.engines.protected import Protected
from holdfast.engines.provision import Layout, lay_out
from holdfast.errors import HoldfastError

from .ports import until, unused_port
from .rig import DATASTORE, Rig, a_rig, shared_temp

pytestmark = [pytest.mark.engine, pytest.mark.drills]
NEWER = os.environ.get("HOLDFAST_PGBACKREST")
SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
Subsystem sftp internal-sftp
"""


@contextmanager
def a_host(base: Path) -> Iterator[SftpAt]:
    """Start an sshd whose production key may not remove anything."""
    folder = own_folder(base / "ssh")
    for name in ("host", "production", "keeper"):
        made = subprocess.run(
            ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name),
            check=True,
        )
        assert made.returncode == 0
    public = {n: (folder / f"{n}.pub").read_text() for n in ("production", "keeper")}
    may = {
        "production": 'restrict,command="internal-sftp -P remove,rmdir"',
        "keeper": 'restrict,command="internal-sftp"',
    }
    lines = [f"{may[name]} {key}" for name, key in public.items()]
    write_private(folder / "authorized", "".join(lines))
    port = unused_port()
    write_private(folder / "sshd.conf", SSHD.format(port=port, folder=folder))
    for name in ("host", "production", "keeper"):
        write_private(folder / name, (folder / name).read_text())
    account = unprivileged()
    with subprocess.Popen(
        ("/usr/sbin/sshd", "-D", "-f", folder / "sshd.conf", "-E", folder / "log"),
        user=account.name if account else None,
        group=account.gid if account else None,
        extra_groups=() if account else None,
    ) as sshd:
        try:
            until((folder / "sshd.pid").exists)
            key = base64.b64decode((folder / "host.pub").read_text().split()[1])
            yield SftpAt(
                host="127.0.0.1",
                user=account.name if account else os.environ["USER"],
                private_key=folder / "production",
                host_key=hashlib.sha256(key).hexdigest(),
                port=port,
                keeper=folder / "keeper",
            )
        finally:
            sshd.send_signal(signal.SIGTERM)


def on_host(protected: Protected, place: SftpAt, base: Path) -> Protected:
    """Return the datastore with its off-site repository on the host."""
    on_site, off_site = protected.repositories
    path = own_folder(base / "remote")
    return replace(
        protected,
        repositories=(on_site, replace(off_site, path=path / "orders", sftp=place)),
        pgbackrest=Path(NEWER) if NEWER else protected.pgbackrest,
    )


def whole_cycle(rig: Rig) -> None:
    """Archive, back up, read back, lose server and site, restore from the host."""
    rig.insert(*range(5))
    backed_up = rig.run("backup", "nightly", 2)
    assert backed_up.ok, backed_up.detail
    rig.insert(5)
    rig.archive()
    off_site = rig.engine.points(DATASTORE).repositories[1]
    assert (off_site.reachable, off_site.cipher) == (True, "aes-256-cbc")
    read_back = rig.run("verify", "read-back", 2)
    assert read_back.ok, read_back.detail
    [tried] = read_back.examinations
    assert (tried.wrong_key, tried.deletion) == ("refused", "refused")
    rig.strike()
    restored = rig.run("restore", "recovery", 2)
    assert restored.ok, restored.detail
    assert rig.run("failover", "opening").ok
    assert rig.rows() == list(range(6))


def test_an_sftp_host_holds_the_whole_cycle_or_is_refused_at_once() -> None:
    """A pgBackRest that knows SFTP tells the cycle; an older one says why not."""
    with ExitStack() as stack:
        if NEWER:

            def change(protected: Protected, base: Path) -> Protected:
                place = stack.enter_context(a_host(base))
                return on_host(protected, place, base)

            with a_rig(change) as rig:
                whole_cycle(rig)
            return
        base = Path(stack.enter_context(_a_folder()))
        laid = lay_out(Layout(DATASTORE, base / "on-site", 5999, base / "away"))
        key = laid.folder.parent / "keys" / "sftp"
        write_private(key, "a key\n")
        place = SftpAt("127.0.0.1", "copies", key, "0" * 64, port=1)
        older = on_host(laid, place, base)

        with pytest.raises(HoldfastError, match=r"2\.45 knows no SFTP repositories"):
            call(older, "stanza-create", config=configure_production(older))


def test_a_real_host_is_asked_whether_production_may_delete() -> None:
    """With production's key a deletion is refused; with the keeper's it is possible; a
    host that shows another key is not spoken to. That needs no pgBackRest.
    """
    with ExitStack() as stack:
        base = Path(stack.enter_context(_a_folder()))
        laid = lay_out(Layout(DATASTORE, base / "on-site", 5999, base / "away"))
        place = stack.enter_context(a_host(base))
        protected = on_host(laid, place, base)
        repository = protected.repositories[1]
        own_folder(repository.path)

        def tried(**parts: object) -> str:
            at = replace(place, **parts)  # type: ignore[arg-type] # Any part may differ.
            return try_to_delete(protected, replace(repository, sftp=at))[0]

        assert place.keeper is not None
        assert tried() == "refused"
        assert tried(private_key=place.keeper) == "possible"
        assert tried(host_key="0" * 64) == "unknown"
        assert tried(port=1) == "unknown"


@contextmanager
def _a_folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="holdfast-", dir=shared_temp()) as made:
        Path(made).chmod(0o711)
        yield made
