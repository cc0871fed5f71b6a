-- The living sessions of one account are read when their owner lists them, signs in once more or changes the password.
CREATE INDEX sessions_living ON sessions (account) WHERE revoked_at IS NULL;
