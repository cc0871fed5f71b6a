-- What one account says of another: kind 1 is a contact, kind 2 a block.
CREATE TABLE ties (
    kind INTEGER NOT NULL,
    account BLOB NOT NULL REFERENCES accounts (id),
    other BLOB NOT NULL REFERENCES accounts (id),
    at INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (kind, account, other)
) STRICT, WITHOUT ROWID;
