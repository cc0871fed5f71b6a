use parlance_types::{Settings, SettingsChange, Who};
use proptest::prelude::*;

use parlance_types::EntityKind;

use super::*;
use crate::testkit::{
    account, any_account, any_change, any_emoji, any_entities, any_personal, any_role, any_seq,
    any_settings, any_text, any_title, emoji, hex, seq, text, title,
};

fn any_body() -> impl Strategy<Value = Body> {
    let listed = (any_account(), any_role()).prop_map(|(account, role)| Listed { account, role });
    let create = (
        prop::sample::select(&ConversationKind::ALL[..]),
        prop::option::of(any_title()),
        prop::collection::vec(listed, 0..4),
        any_settings(),
        any::<u16>(),
    );
    prop_oneof![
        (any_text(), any_entities()).prop_map(|(text, entities)| Body::Text { text, entities }),
        (any_seq(), any_text(), any_entities()).prop_map(|(target, text, entities)| Body::Edit {
            target,
            text,
            entities
        }),
        any_seq().prop_map(|target| Body::Delete { target }),
        (any_seq(), any_emoji()).prop_map(|(target, emoji)| Body::React { target, emoji }),
        (any_seq(), any_emoji()).prop_map(|(target, emoji)| Body::Unreact { target, emoji }),
        create.prop_map(|(kind, title, members, settings, region)| Body::Create {
            kind,
            title,
            members,
            settings,
            region
        }),
        prop::collection::vec(any_account(), 0..4).prop_map(|accounts| Body::Add { accounts }),
        any_account().prop_map(|account| Body::Remove { account }),
        prop::option::of(any_account()).prop_map(|promoted| Body::Leave { promoted }),
        (any_account(), any_role()).prop_map(|(account, role)| Body::Role { account, role }),
        any_title().prop_map(|title| Body::Rename { title }),
        prop::option::of(any_text()).prop_map(|text| Body::Describe { text }),
        any_change().prop_map(Body::Settings),
        any_personal().prop_map(Body::Personal),
    ]
}

fn any_content() -> impl Strategy<Value = Content> {
    let reference = || prop::option::of(any_seq());
    (any_body(), reference(), reference(), any::<bool>())
        .prop_map(|(body, reply_to, seen, silent)| Content { body, reply_to, seen, silent })
}

proptest! {
    #[test]
    fn contents_go_through_their_bytes(content in any_content()) {
        let bytes = encode(&content);
        prop_assert_eq!(decode(content.body.kind(), &bytes), Ok(content));
    }

    #[test]
    fn unknown_fields_are_ignored(content in any_content(), number in 17..5_000_u32, value: u64) {
        let mut writer = Writer::new();
        writer.number(number, value);
        writer.bytes(number + 1, b"later");
        let longer = [encode(&content), writer.finish()].concat();
        prop_assert_eq!(decode(content.body.kind(), &longer), Ok(content));
    }

    #[test]
    fn other_versions_are_refused(content in any_content(), version in 2..u64::MAX) {
        let mut writer = Writer::new();
        writer.number(field::VERSION, version);
        let bytes = [encode(&content), writer.finish()].concat();
        let refused = Err(ContentError::Format(FormatError::Version(version)));
        prop_assert_eq!(decode(content.body.kind(), &bytes), refused);
    }
}

fn plain(body: Body) -> Content {
    Content { body, reply_to: None, seen: None, silent: false }
}

/// Digests cover these bytes: they must never change.
#[test]
fn the_bytes_are_the_same_for_ever() {
    let mention =
        Entity { kind: EntityKind::Mention { account: account(2) }, offset: 0, length: 2 };
    let pre = EntityKind::Pre { language: Some("rs".into()) };
    let pre = Entity { kind: pre, offset: 300, length: 4 };
    let who = SettingsChange { send: Some(Who::Admins), ..SettingsChange::default() };
    let golden = [
        (
            Content {
                body: Body::Text { text: text("hé"), entities: vec![mention, pre] },
                reply_to: Some(seq(3)),
                seen: Some(seq(300)),
                silent: true,
            },
            "0801100318ac0220013a0368c3a94218080110001802221002020202020202020202020202020202420b080710ac0218042a027273",
        ),
        (
            plain(Body::Edit { target: seq(2), text: text("b"), entities: Vec::new() }),
            "080130023a0162",
        ),
        (plain(Body::Delete { target: seq(2) }), "08013002"),
        (plain(Body::React { target: seq(2), emoji: emoji("👍") }), "080130024a04f09f918d"),
        (
            plain(Body::Create {
                kind: ConversationKind::Group,
                title: Some(title("t")),
                members: vec![Listed { account: account(1), role: Role::Owner }],
                settings: Settings::default(),
                region: 1,
            }),
            "0801620174680272140a100101010101010101010101010101010110037a080801100118012001800101",
        ),
        (
            plain(Body::Add { accounts: vec![account(1)] }),
            "0801521001010101010101010101010101010101",
        ),
        (plain(Body::Leave { promoted: None }), "0801"),
        (
            plain(Body::Role { account: account(1), role: Role::Admin }),
            "08015210010101010101010101010101010101015802",
        ),
        (plain(Body::Rename { title: title("t") }), "0801620174"),
        (plain(Body::Describe { text: None }), "0801"),
        (plain(Body::Settings(who)), "08017a020802"),
    ];
    for (content, expected) in golden {
        assert_eq!(hex(&encode(&content)), expected, "{:?}", content.body.kind());
    }
}

#[test]
fn what_a_kind_must_have_is_missed() {
    let bytes = encode(&plain(Body::Leave { promoted: None }));
    for kind in [Kind::Text, Kind::Edit, Kind::Delete, Kind::React, Kind::Create, Kind::Rename] {
        let error = decode(kind, &bytes).expect_err("nothing but a version is there");
        assert!(matches!(error, ContentError::Format(FormatError::Field(_))), "{kind:?}: {error}");
    }
    assert_eq!(decode(Kind::Leave, &[]), Err(FormatError::Field("version").into()));
}
