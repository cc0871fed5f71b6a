-- Under which terms accounts are found. Made from their handles and names (`parlance_ports::terms`), and made anew when PRAGMA
-- user_version is not the version of those rules: so it needs no checksums.
CREATE TABLE names (
    term TEXT NOT NULL,
    account BLOB NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (term, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX names_of_account ON names (account, term);
