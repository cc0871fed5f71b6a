//! Error and close codes, once. The table makes the enum, the HTTP status, the documents and the clients' constants.

use std::fmt;

/// What a client should do with a refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same request will be refused again.
    Never,
    /// At once, with the same `message_id`.
    Now,
    /// After `retry_after_ms`.
    After,
    /// After signing in or refreshing the token.
    Reauthenticate,
}

impl Retry {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Now => "now",
            Self::After => "after",
            Self::Reauthenticate => "reauthenticate",
        }
    }
}

macro_rules! codes {
    ($($number:literal $variant:ident $name:literal http=$http:literal retry=$retry:ident $message:literal)*) => {
        /// Why something was refused. Name and number are permanent.
        #[expect(clippy::doc_markdown, reason = "the documents are the messages that people read, without markup")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $message] $variant,)* }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $http,)* }
            }

            pub const fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry,)* }
            }

            /// What a person is told, with the remedy.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

codes! {
    1001 MalformedFrame "malformed_frame" http=400 retry=Never "This is not valid JSON in UTF-8. Send one object with one key, the name of the frame, or an array of them."
    1002 FrameTooLarge "frame_too_large" http=413 retry=Never "The frame is larger than the limit in ready.limits. Send less at a time."
    1003 UnknownFrame "unknown_frame" http=400 retry=Never "There is no frame of this name from clients."
    1004 UnknownKind "unknown_kind" http=400 retry=Never "This server does not accept this kind of body."
    1005 InvalidField "invalid_field" http=400 retry=Never "A field is missing or its value is not allowed; see field and message."
    1006 AlreadyAuthenticated "already_authenticated" http=400 retry=Never "Only the first frame of a connection can be hello."
    1007 TooManyRequests "too_many_requests" http=429 retry=After "Too many requests of this connection are in progress. Wait for their answers."
    1008 UnknownPath "unknown_path" http=404 retry=Never "There is nothing at this address. The paths are in docs/protocol.md."
    1009 MethodNotAllowed "method_not_allowed" http=405 retry=Never "This address does not take this method."
    1010 UpgradeRequired "upgrade_required" http=426 retry=Never "This address speaks WebSocket (version 13) with the subprotocol parlance.v1.json or parlance.v1.protobuf."
    1101 Unauthenticated "unauthenticated" http=401 retry=Reauthenticate "Sign in first: the access token is missing or not valid."
    1102 TokenExpired "token_expired" http=401 retry=Reauthenticate "The access token has expired. Refresh it."
    1103 SessionRevoked "session_revoked" http=401 retry=Reauthenticate "This session was ended. Sign in again."
    1104 InvalidCredentials "invalid_credentials" http=401 retry=Never "Handle or password is wrong."
    1105 HandleTaken "handle_taken" http=409 retry=Never "This handle is taken. Choose another."
    1106 WeakPassword "weak_password" http=400 retry=Never "A password has 8 to 256 bytes."
    1107 WrongPassword "wrong_password" http=403 retry=Never "This is not the password of this account."
    1201 NotFound "not_found" http=404 retry=Never "There is no such thing, or you may not see it."
    1202 CannotMessage "cannot_message" http=403 retry=Never "You cannot send messages to this person."
    1203 NotAMember "not_a_member" http=403 retry=Never "You are no longer in this conversation."
    1204 Forbidden "forbidden" http=403 retry=Never "Your role does not allow this here."
    1205 MessageIdConflict "message_id_conflict" http=409 retry=Never "This message_id already names another message of yours here. Make a new id for a new message."
    1206 IdInFuture "id_in_future" http=400 retry=Never "The time inside message_id is too far ahead of the server's clock (now). Correct your clock offset and make a new id."
    1207 SeqUnknown "seq_unknown" http=409 retry=Never "The conversation has not come that far. Fetch its head."
    1208 NotAMessage "not_a_message" http=409 retry=Never "Only a message that still stands can be changed like this."
    1209 TooManyReactions "too_many_reactions" http=409 retry=Never "This message already has as many different reactions as it can."
    1210 TooManyMembers "too_many_members" http=409 retry=Never "The group would have more members than the limit."
    1211 LastOwner "last_owner" http=409 retry=Never "A group needs an owner. Make somebody else owner first."
    1212 TooManyEdits "too_many_edits" http=409 retry=Never "This message was edited as often as it can be."
    1213 WrongKind "wrong_kind" http=409 retry=Never "A conversation of this kind does not have this."
    1214 TooManyJoins "too_many_joins" http=409 retry=Never "This account has joined and left this group too often."
    1215 Outdated "outdated" http=409 retry=Never "Another device changed this since. Look at current, and base the change on its seq."
    1216 TooManyPersonal "too_many_personal" http=409 retry=Never "Personal settings or drafts are kept of as many conversations as there can be."
    1217 TooManyPeople "too_many_people" http=409 retry=Never "There are as many contacts, or blocked accounts, as there can be."
    1301 RateLimited "rate_limited" http=429 retry=After "Too much at once. Wait as long as retry_after_ms says."
    1302 Suspended "suspended" http=403 retry=Never "This account is suspended."
    1401 Unavailable "unavailable" http=503 retry=After "The server cannot do this now. Try again with the same message_id."
    1402 OutcomeUnknown "outcome_unknown" http=503 retry=Now "Whether this was written is not known. Retry with the same message_id to learn it."
    1403 StorageFull "storage_full" http=507 retry=After "The server has no room to store more. Nothing was written."
    1404 ShuttingDown "shutting_down" http=503 retry=After "The server is going down. Try again in a moment."
    1405 Internal "internal" http=500 retry=After "Something went wrong here. The trace helps the operator to find it."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! close_codes {
    ($($number:literal $variant:ident $name:literal $message:literal)*) => {
        /// Why the server closes a connection. The range says what to do: 4000–4099 come back now, 4100–4199 come back elsewhere or
        /// later, 4200–4299 sign in again, 4300–4399 wait, 4400–4499 do not come back.
        #[expect(clippy::doc_markdown, reason = "the documents are the messages that people read, without markup")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum CloseCode { $(#[doc = $message] $variant,)* }

        impl CloseCode {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

close_codes! {
    4001 HelloTimeout "hello_timeout" "No hello came in time."
    4002 Silent "silent" "Nothing was heard for a heartbeat and its grace."
    4003 Stalled "stalled" "The connection accepted no byte for a minute."
    4101 ShuttingDown "shutting_down" "The server is going down; come back after a random part of spread_ms."
    4201 Unauthenticated "unauthenticated" "The token was missing, invalid or expired."
    4202 SessionRevoked "session_revoked" "The session was ended."
    4301 Overloaded "overloaded" "Too many connections; wait before coming back."
    4401 ProtocolViolation "protocol_violation" "The first frame was not hello, or the frames cannot be read."
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_numbers_are_unique() {
        let numbers: BTreeSet<u16> = Code::ALL.iter().map(|code| code.number()).collect();
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!((numbers.len(), names.len()), (Code::ALL.len(), Code::ALL.len()));
        let numbers: BTreeSet<u16> = CloseCode::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(numbers.len(), CloseCode::ALL.len());
    }
}
