use parlance_types::frame::{AccountMarks, Cursor, ErrorFrame, Head, Listing, Ok as OkFrame, Page};
use parlance_types::{
    Action, Code, ConnectionId, Epoch, Listed, Micros, Position, Role, Seq, Settings,
};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::PollCursor;
use crate::json::tests::arbitrary;

fn survives<T: RestBody + PartialEq + std::fmt::Debug>(body: T) -> Result<(), TestCaseError> {
    prop_assert_eq!(decode::<T>(&encode(&body)), Ok(body));
    Ok(())
}

fn secret(bytes: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Secret> {
    prop::collection::vec(0x20..0x7f_u8, bytes)
        .prop_map(|bytes| Secret::new(String::from_utf8(bytes).expect("ASCII")))
}

proptest! {
    #[test]
    fn bodies_of_accounts_survive(
        handle in arbitrary::handle(),
        password in secret(8..=256),
        name in option::of(arbitrary::title()),
        device_name in option::of(arbitrary::title()),
        person in arbitrary::person(),
        (account, device, session) in (arbitrary::account(), arbitrary::device(), arbitrary::session()),
    ) {
        survives(SignUp { handle: handle.clone(), password: password.clone(), name: name.clone(), device_name: device_name.clone() })?;
        survives(SignIn { handle, password: password.clone(), device_name: device_name.clone() })?;
        survives(Refresh { refresh_token: password.clone() })?;
        survives(StreamTicket { ticket: password.clone(), expires_in: 30 })?;
        let (access_token, refresh_token) = (password.clone(), password.clone());
        let of_browser = access_token.clone();
        survives(BrowserTokens { account, device, session, access_token: of_browser, expires_in: 900 })?;
        survives(Tokens { account, device, session, access_token, expires_in: 900, refresh_token })?;
        let at = Micros::new(1_795_430_000_000_000);
        let (named, change) = (device_name.clone(), password.clone());
        let one = Session { session, device, device_name: named, created_at: at, used_at: at, current: true };
        survives(Sessions(vec![one.clone(), Session { current: false, ..one }]))?;
        survives(PasswordChange { password: change.clone(), new_password: change })?;
        survives(MeChange { name: name.clone() })?;
        survives(Me { person: person.clone(), device, session })?;
        survives(person)?;
    }

    #[test]
    fn answers_to_polls_survive(
        frames in prop::collection::vec(arbitrary::server_frame(), 0..3),
        (position, connection, answer) in any::<(u64, [u8; 16], u64)>(),
    ) {
        let cursor = Cursor { epoch: Epoch::from_bytes([3; 16]), position: Position::new(position) };
        let connection = ConnectionId::from_bytes(connection);
        survives(Polled { frames, cursor: PollCursor { cursor, connection, answer } })?;
    }

    #[test]
    fn bodies_of_messages_survive(
        action in arbitrary::action(),
        message_id in option::of(arbitrary::message_id()),
        (key, title) in ("[a-z\"]{1,64}", option::of(arbitrary::title())),
        members in prop::collection::vec(arbitrary::account(), 0..3),
        settings in arbitrary::settings(),
    ) {
        survives(Name { message_id })?;
        survives(Additions { message_id, accounts: members.clone() })?;
        if let Action::Edit { text, entities, .. } = &action {
            survives(Version { message_id, text: text.clone(), entities: entities.clone() })?;
        }
        if let Action::Rename { .. } | Action::Describe { .. } | Action::Settings(_) = &action {
            survives(Reform { message_id, action: action.clone() })?;
        }
        survives(Message { message_id, action })?;
        survives(Group { key: key.into(), title, members, settings })?;
    }

    #[test]
    fn bodies_of_personal_settings_survive(
        message_id in option::of(arbitrary::message_id()),
        based_on in option::of(arbitrary::seq()),
        personal in arbitrary::personal(),
        kept in option::of(arbitrary::personal_at()),
        person in arbitrary::person(),
    ) {
        survives(PutSettings { message_id, based_on, personal })?;
        survives(PersonalSettings(kept))?;
        survives(Tied { person: person.clone(), at: Micros::new(5) })?;
        survives(PeoplePage { people: vec![person.clone(); 2], next: Some(person.account) })?;
    }

    #[test]
    fn answers_survive_without_the_number_of_a_request(
        listing in arbitrary::listing(),
        (person, read) in (arbitrary::person(), 1..9_u64),
        head in arbitrary::head(),
        page in arbitrary::page(),
        ok in arbitrary::ok(),
        error in arbitrary::error(),
    ) {
        survives::<Listing>(listing)?;
        let (account, read) = (person.account, Seq::new(read));
        survives(NewMarks { delivered: None, read })?;
        survives(NewRole { message_id: None, role: Role::Admin })?;
        let members = vec![Listed { account, role: Role::Owner }];
        survives(MemberPage { people: vec![person], members, next: Some(account) })?;
        survives(MarkPage { marks: vec![AccountMarks { account, delivered: read, read }], next: None })?;
        survives::<Head>(head)?;
        survives::<Page>(Page { id: 0, ..page })?;
        survives::<OkFrame>(OkFrame { id: 0, ..ok })?;
        survives::<ErrorFrame>(error)?;
    }
}

fn refused<T: RestBody + std::fmt::Debug>(body: &Value, field: &str) -> DecodeError {
    let error = decode::<T>(body.to_string().as_bytes()).unwrap_err();
    assert_eq!(error.field.as_deref(), Some(field), "{body}");
    error
}

#[test]
fn the_field_at_fault_is_named() {
    refused::<SignUp>(&json!({"password": "12345678"}), "handle");
    refused::<SignUp>(&json!({"handle": "a b", "password": "12345678"}), "handle");
    refused::<SignUp>(&json!({"handle": "ada"}), "password");
    refused::<SignUp>(&json!({"handle": "ada", "password": "12345678", "name": ""}), "name");
    refused::<SignIn>(&json!({"handle": 5, "password": "x"}), "handle");
    refused::<Refresh>(&json!({}), "refresh_token");
    refused::<PasswordChange>(&json!({"new_password": "12345678"}), "password");
    refused::<PasswordChange>(&json!({"password": "12345678"}), "new_password");
    let short = json!({"password": "12345678", "new_password": "1234567"});
    assert_eq!(refused::<PasswordChange>(&short, "new_password").code, Code::WeakPassword);
    refused::<MeChange>(&json!({"name": ""}), "name");
    refused::<Message>(&json!({}), "body");
    refused::<Message>(&json!({"body": {"kind": "text", "text": ""}}), "body.text");
    refused::<Message>(&json!({"message_id": 1, "body": {"kind": "leave"}}), "message_id");
    refused::<Group>(&json!({"members": []}), "key");
    refused::<PutSettings>(&json!({"draft": ""}), "draft");
    refused::<PutSettings>(&json!({"draft": "x".repeat(8_001)}), "draft");
    refused::<PutSettings>(&json!({"based_on": 0}), "based_on");
    refused::<PutSettings>(&json!({"mute_until": 1_u64 << 53}), "mute_until");
    refused::<PutSettings>(&json!({"hidden": true}), "hidden");
    refused::<Group>(&json!({"key": "k"}), "members");
    refused::<Group>(&json!({"key": "k", "members": ["x"]}), "members[0]");
    refused::<Group>(&json!({"key": "k", "members": [], "settings": {"send": 1}}), "settings.send");
    let create = json!({"body": {"kind": "create", "key": "k", "members": []}});
    refused::<Message>(&create, "body.kind");
    for length in [7, 257] {
        let body = json!({"handle": "ada", "password": "x".repeat(length)});
        assert_eq!(refused::<SignUp>(&body, "password").code, Code::WeakPassword);
    }
}

#[test]
fn what_is_no_object_is_refused_as_a_whole() {
    for bytes in [&b""[..], b"{", b"\xff", b"{}{}"] {
        let error = decode::<SignIn>(bytes).unwrap_err();
        assert_eq!((error.code, error.field), (Code::MalformedFrame, None));
    }
    for bytes in [&b"[]"[..], b"null", b"[\"ada\",\"password\"]"] {
        let error = decode::<SignIn>(bytes).unwrap_err();
        assert_eq!((error.code, error.field), (Code::InvalidField, None));
    }
    let deep = format!("{{\"x\":{}}}", "[".repeat(1000));
    assert_eq!(decode::<SignIn>(deep.as_bytes()).unwrap_err().code, Code::MalformedFrame);
}

#[test]
fn secrets_stay_out_of_debug() {
    let body = json!({"handle": "ada", "password": "correct horse"}).to_string();
    let sign_up = decode::<SignUp>(body.as_bytes()).unwrap();
    assert_eq!(sign_up.password.expose(), "correct horse");
    assert!(!format!("{sign_up:?}").contains("horse"));
}

#[test]
fn a_group_needs_no_settings_and_errors_look_like_frames() {
    let body = json!({"key": "k", "members": [], "settings": {"colour": "red"}}).to_string();
    assert_eq!(decode::<Group>(body.as_bytes()).unwrap().settings, Settings::default());
    let error: Value =
        serde_json::from_slice(&encode(&ErrorFrame::new(None, Code::NotFound))).unwrap();
    assert_eq!(error["error"]["code"], "not_found");
}

#[test]
fn ids_come_separated_by_commas_and_not_too_many() {
    let id = "01920000-0000-7000-8000-000000000002";
    assert_eq!(decode_ids(&format!("{id},{id}")).unwrap().len(), 2);
    for bad in ["", "x", &format!("{id},"), &[id; 101].join(",")] {
        assert_eq!(decode_ids(bad).unwrap_err().field.as_deref(), Some("ids"), "{bad}");
    }
}
