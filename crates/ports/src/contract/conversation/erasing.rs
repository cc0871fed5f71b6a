//! What becomes of the content of a deleted message.

use parlance_types::{Entry, OverlayChange, Payload, Record};

use super::Place;
use super::sample::{Talk, account, all, group, seq, thumb};
use super::seen::see;
use crate::record::erased;

/// Which events have lost their content, in order.
fn gone(records: &[Record]) -> Vec<u64> {
    let gone = records.iter().filter(|record| matches!(record.payload, Payload::Gone { .. }));
    gone.map(|record| record.seq.get()).collect()
}

fn edit(talk: &mut Talk, target: u64, content: &'static [u8]) -> Entry {
    let mut entry = talk.change(account(1), seq(target), OverlayChange::Edited);
    if let Payload::Kept { content: kept, .. } = &mut entry.record.payload {
        *kept = content.into();
    }
    entry
}

fn delete(talk: &mut Talk, target: u64) -> Entry {
    talk.change(account(1), seq(target), OverlayChange::Deleted)
}

/// A message at the beginning, in the middle and at the end of a long conversation, edited here and there, and one that is deleted in
/// the group that brought it.
pub async fn what_is_deleted_loses_its_content(place: &mut impl Place) {
    let store = place.open().await;
    let mut talk = Talk::new(1);
    let mut entries = talk.texts(150);
    entries.push(edit(&mut talk, 2, b"another word"));
    entries.push(talk.change(account(2), seq(2), thumb(account(2))));
    entries.extend(talk.texts(100));
    entries.push(edit(&mut talk, 2, b"a third one"));
    store.commit(group(entries.clone())).await.unwrap();
    let before = see(&*store, &[talk.id]).await;
    drop(store);

    let mut store = place.open().await;
    for target in [2, 120, 252] {
        let entry = delete(&mut talk, target);
        store.commit(group(vec![entry.clone()])).await.unwrap();
        entries.push(entry);
        // Twice, between the deletions: as if power had failed, and as if nothing had happened.
        drop(store);
        store = if target == 2 { place.crash().await } else { place.open().await };
    }
    let mut last = talk.texts(1);
    last.push(delete(&mut talk, 257));
    store.commit(group(last.clone())).await.unwrap();
    entries.extend(last);
    drop(store);

    let store = place.open().await;
    let records = store.range(all(talk.id)).await.unwrap();
    assert_eq!(gone(&records), [2, 120, 151, 252, 253, 257]);
    let whole: Vec<Record> = entries.iter().map(|entry| entry.record.clone()).collect();
    let expected: Vec<Record> = whole.iter().cloned().map(erased).collect();
    assert_eq!(records.iter().cloned().map(erased).collect::<Vec<_>>(), expected);
    for (record, whole) in records.iter().zip(&whole) {
        let is_gone = matches!(record.payload, Payload::Gone { .. });
        assert!(is_gone || record == whole, "event {} keeps its content", record.seq);
    }
    let named = store.original(talk.id, account(1), whole[1].message_id).await.unwrap();
    assert_eq!(named.as_ref(), Some(&records[1]), "a retry still finds it");
    assert_eq!(before.talks[0].records[2..119], records[2..119]);
    let loaded = store.load(talk.id).await.unwrap().unwrap();
    assert_eq!(loaded.records, records);
    drop(store);
    assert_eq!(place.crash().await.range(all(talk.id)).await.unwrap(), records);
}

pub async fn committing_again_what_is_erased_changes_nothing(place: &mut impl Place) {
    let store = place.open().await;
    let mut talk = Talk::new(1);
    let mut entries = talk.texts(80);
    entries.push(delete(&mut talk, 7));
    store.commit(group(entries.clone())).await.unwrap();
    drop(store);
    let store = place.open().await;
    store.commit(group(entries.clone())).await.unwrap();
    drop(store);
    let store = place.open().await;
    assert_eq!(gone(&store.range(all(talk.id)).await.unwrap()), [7]);
    // What differs from what was erased is seen by its digest.
    let Payload::Kept { content, .. } = &mut entries[6].record.payload else {
        panic!("it was made with content")
    };
    *content = b"something else".as_slice().into();
    assert!(store.commit(group(vec![entries[6].clone()])).await.is_err());
}
