"""The configuration that pgBackRest is given."""

from __future__ import annotations

from holdfast.engines.pgbackrest_command import configure_production
from holdfast.engines.provision import Layout, lay_out


def test_nothing_lies_outside_the_datastores_own_folder(tmp_path) -> None:
    """Every path is ours: Debian's own belong to another account."""
    tmp_path.chmod(0o711)
    layout = Layout("orders", tmp_path / "a", 5999, tmp_path / "b")

    text = configure_production(lay_out(layout)).read_text(encoding="utf-8")

    paths = [line.split("=")[1] for line in text.splitlines() if "-path=" in line]
    assert len(paths) >= 6
    assert all(path.startswith(str(tmp_path)) for path in paths), paths
    assert "spool-path=" in text
