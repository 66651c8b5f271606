"""What a SQLite ledger's file holds: its tables, what guards them, and older files.

An entry's row is found by its index; its key stands apart once the head has passed it
(docs/decisions/0025-keys-stand-apart.md). Programs read the entries as a view.
"""

from __future__ import annotations

from holdfast.storage.errors import CLOSED

FORMAT = 3
"""The version of the tables in a file; files of before are brought forward."""

_ROW = """CREATE TABLE entry_row (leaf_index INTEGER PRIMARY KEY, key TEXT NOT NULL,
  data BLOB NOT NULL, leaf_hash BLOB NOT NULL, recorded_at INTEGER) STRICT"""

# A trigger for each new row would take a third of what the row takes; so what people
# and programs know as the entries is a view, which SQLite lets nobody change, not by
# INSERT OR REPLACE either.
_AROUND_ROW = (
    "CREATE VIEW entry AS SELECT leaf_index, key, data, leaf_hash FROM entry_row",
    """CREATE TRIGGER entry_keeps_data BEFORE UPDATE ON entry_row
       BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END""",
    """CREATE TRIGGER entry_stays BEFORE DELETE ON entry_row
       BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END""",
)
_KEYS = (
    """CREATE TABLE entry_key (key TEXT PRIMARY KEY, leaf_index INTEGER NOT NULL)
       STRICT, WITHOUT ROWID""",
    """INSERT INTO entry_key SELECT key, leaf_index FROM entry_row
       WHERE leaf_index < (SELECT size FROM head)""",
    """CREATE TRIGGER key_keeps_place BEFORE UPDATE ON entry_key
       BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END""",
    """CREATE TRIGGER key_stays BEFORE DELETE ON entry_key
       BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END""",
    "UPDATE head SET format = 3",
)

# From the tables that both databases share.
MAKE = ("DROP TABLE entry", _ROW, *_AROUND_ROW, *_KEYS)

# The entries of an older file stay where they are, with the constraint on their keys. A
# process of that version that still runs finds no table of the name that it knows.
BRING_FORWARD = {
    1: (
        "DROP TRIGGER IF EXISTS entry_is_new",
        "DROP TRIGGER IF EXISTS entry_keeps_data",
        "DROP TRIGGER IF EXISTS entry_stays",
        "ALTER TABLE entry RENAME TO entry_row",
        "ALTER TABLE entry_row ADD COLUMN recorded_at INTEGER",
        *_AROUND_ROW,
        *_KEYS,
    ),
    2: ("ALTER TABLE leaf RENAME TO entry_row", *_KEYS),
}

TRIGGERS = (
    """CREATE TRIGGER head_is_one BEFORE INSERT ON head
       BEGIN SELECT RAISE(ABORT, 'the head is never replaced'); END""",
    """CREATE TRIGGER outbox_settled_stays BEFORE UPDATE ON outbox
       WHEN OLD.state <> 'open'
       BEGIN SELECT RAISE(ABORT, 'settled deliveries are never changed'); END""",
)

# A signed checkpoint takes signatures on and nothing else. The newest one but one may
# go: it made room for its successor (`operations.notary`).
GUARDS = {
    "checkpoint_keeps_note": """
       CREATE TRIGGER IF NOT EXISTS checkpoint_keeps_note BEFORE UPDATE ON checkpoint
       WHEN NEW.size <> OLD.size
         OR substr(NEW.note, 1, length(OLD.note)) IS NOT OLD.note
       BEGIN SELECT RAISE(ABORT, 'signed checkpoints are only added to'); END""",
    "checkpoint_stays": """
       CREATE TRIGGER IF NOT EXISTS checkpoint_stays BEFORE DELETE ON checkpoint
       WHEN (SELECT count(*) FROM checkpoint WHERE size > OLD.size) <> 1
       BEGIN SELECT RAISE(ABORT, 'signed checkpoints are never deleted'); END""",
    "checkpoint_is_new": """
       CREATE TRIGGER IF NOT EXISTS checkpoint_is_new BEFORE INSERT ON checkpoint
       WHEN EXISTS (SELECT 1 FROM checkpoint WHERE size = NEW.size)
       BEGIN SELECT RAISE(ABORT, 'signed checkpoints are never replaced'); END""",
    "head_stays": """
       CREATE TRIGGER IF NOT EXISTS head_stays BEFORE DELETE ON head
       BEGIN SELECT RAISE(ABORT, 'the head is never deleted'); END""",
}

CLOSING = (
    f"""CREATE TRIGGER IF NOT EXISTS entry_closed BEFORE INSERT ON entry_row
       BEGIN SELECT RAISE(ABORT, '{CLOSED}'); END""",
    f"""CREATE TRIGGER IF NOT EXISTS outbox_closed BEFORE UPDATE ON outbox
       BEGIN SELECT RAISE(ABORT, '{CLOSED}'); END""",
    f"""CREATE TRIGGER IF NOT EXISTS outbox_ended BEFORE INSERT ON outbox
       BEGIN SELECT RAISE(ABORT, '{CLOSED}'); END""",
)
