-- When the last connection of an account went; the only presence that is stored.
CREATE TABLE last_seen (
    account BLOB NOT NULL PRIMARY KEY REFERENCES accounts (id),
    at INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
