//! The hot frames as serde would write them.

use parlance_types::frame::{AccountMarks, ServerFrame};
use parlance_types::{Body, Code, Entity, EntityKind, Event};
use serde_json::{Map, Value, json};

use crate::encode_cursor;

/// `None`: not a frame that is written from a template.
pub(super) fn value(frame: &ServerFrame) -> Option<Value> {
    Some(match frame {
        ServerFrame::Ok(ok) => json!({"ok": fields([
            ("id", Some(json!(ok.id))),
            ("message_id", Some(json!(ok.message_id))),
            ("conversation", Some(json!(ok.conversation))),
            ("seq", Some(json!(ok.seq))),
            ("at", Some(json!(ok.at))),
            ("ordinal", Some(json!(ok.ordinal))),
            ("hash", Some(json!(ok.hash))),
            ("duplicate", ok.duplicate.then_some(json!(true))),
        ])}),
        ServerFrame::Event(event) => json!({"event": event_value(event)?}),
        ServerFrame::Mark(mark) => {
            let marks: Vec<_> = mark.marks.iter().map(marks).collect();
            json!({"mark": {"conversation": mark.conversation, "marks": marks}})
        }
        ServerFrame::Pong { n, cursor } => json!({"pong": fields([
            ("n", Some(json!(n))),
            ("cursor", cursor.map(|cursor| json!(encode_cursor(cursor)))),
        ])}),
        ServerFrame::Error(error) if error.current.is_none() => json!({"error": fields([
            ("id", error.id.map(Value::from)),
            ("code", Some(json!(error.code.as_str()))),
            ("number", Some(json!(error.code.number()))),
            ("message", Some(json!(error.message.as_deref().unwrap_or(error.code.message())))),
            ("field", error.field.as_deref().map(Value::from)),
            ("retry", Some(json!(error.code.retry().as_str()))),
            ("retry_after_ms", error.retry_after_ms.map(Value::from)),
            ("outcome", (error.code == Code::OutcomeUnknown).then_some(json!("unknown"))),
            ("now", error.now.map(|now| json!(now))),
            ("trace", error.trace.as_deref().map(Value::from)),
        ])}),
        _ => return None,
    })
}

fn event_value(event: &Event) -> Option<Value> {
    let content = &event.content;
    Some(fields([
        ("conversation", Some(json!(event.conversation))),
        ("seq", Some(json!(event.seq))),
        ("at", Some(json!(event.at))),
        ("sender", Some(json!(event.sender))),
        ("device", event.device.map(|device| json!(device))),
        ("message_id", Some(json!(event.message_id))),
        ("ordinal", Some(json!(event.ordinal))),
        ("hash", Some(json!(event.hash))),
        ("body", Some(body(&content.body)?)),
        ("reply_to", content.reply_to.map(|seq| json!(seq))),
        ("seen", content.seen.map(|seq| json!(seq))),
        ("silent", content.silent.then_some(json!(true))),
    ]))
}

fn body(body: &Body) -> Option<Value> {
    Some(match body {
        Body::Text { text, entities } => message(text, entities),
        Body::Edit { target, text, entities } => {
            json!({"kind": "edit", "target": target, "body": message(text, entities)})
        }
        Body::Delete { target } => json!({"kind": "delete", "target": target}),
        Body::React { target, emoji } => {
            json!({"kind": "react", "target": target, "emoji": emoji.as_str()})
        }
        Body::Unreact { target, emoji } => {
            json!({"kind": "unreact", "target": target, "emoji": emoji.as_str()})
        }
        Body::Role { account, role } => json!({"kind": "role", "account": account, "role": role}),
        // The rest is read back in the round trip.
        _ => return None,
    })
}

fn message(text: &str, entities: &[Entity]) -> Value {
    let entities: Vec<_> = entities.iter().map(entity).collect();
    fields([
        ("kind", Some(json!("text"))),
        ("text", Some(json!(text))),
        ("entities", (!entities.is_empty()).then_some(json!(entities))),
    ])
}

fn entity(entity: &Entity) -> Value {
    let (kind, extra) = match &entity.kind {
        EntityKind::Mention { account } => ("mention", Some(("account", json!(account)))),
        EntityKind::Pre { language } => {
            ("pre", language.as_ref().map(|language| ("language", json!(language))))
        }
        EntityKind::Link => ("link", None),
        EntityKind::Bold => ("bold", None),
        EntityKind::Italic => ("italic", None),
        EntityKind::Strike => ("strike", None),
        EntityKind::Code => ("code", None),
        EntityKind::Quote => ("quote", None),
        EntityKind::Spoiler => ("spoiler", None),
    };
    let mut value = json!({"kind": kind, "offset": entity.offset, "length": entity.length});
    if let Some((name, extra)) = extra {
        value[name] = extra;
    }
    value
}

fn marks(marks: &AccountMarks) -> Value {
    fields([
        ("account", Some(json!(marks.account))),
        ("delivered", marks.delivered.map(|seq| json!(seq))),
        ("read", marks.read.map(|seq| json!(seq))),
    ])
}

fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}
