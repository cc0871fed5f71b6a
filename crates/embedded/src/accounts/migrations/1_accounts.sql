-- `checksum` is the CRC-32 of the other columns of its row (see row.rs): SQLite has none of its own.
-- Ids are 16 bytes, times microseconds since 1970, handles in lower case.

CREATE TABLE accounts (
    id BLOB NOT NULL PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
    account BLOB NOT NULL PRIMARY KEY REFERENCES accounts (id),
    password TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE devices (
    id BLOB NOT NULL PRIMARY KEY,
    account BLOB NOT NULL REFERENCES accounts (id),
    name TEXT,
    created_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `refresh` is the hash of the current refresh token; `superseded` those before it, 32 bytes of hash and 8 of time each.
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    account BLOB NOT NULL REFERENCES accounts (id),
    device BLOB NOT NULL REFERENCES devices (id),
    created_at INTEGER NOT NULL,
    refresh BLOB NOT NULL,
    refreshed_at INTEGER NOT NULL,
    superseded BLOB NOT NULL,
    revoked_at INTEGER,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_revoked_at ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
