//! Every row of every table once, for its checksum, its form, and whether its conversation exists.

use hashbrown::HashMap;
use parlance_ports::record::{self, RecordError};
use parlance_types::{ConversationId, Marks};

use super::super::head::Place;
use super::super::key;
use super::super::rows::{RowError, View, name};
use super::Pass;

impl Pass<'_> {
    pub(super) fn orphans(&mut self, view: &View, heads: &HashMap<ConversationId, u64>) {
        let tables = [
            (key::BLOCKS, 0),
            (key::INDEXES, 0),
            (key::HEADS, 0),
            (key::SNAPSHOTS, 0),
            (key::PLACES, 16),
            (key::MARKS, 0),
            (key::OVERLAYS, 0),
            (key::CHANGES, 0),
            (key::MENTIONS, 16),
        ];
        for (table, id_from) in tables {
            for row in view.prefix(&[table]) {
                let (key, value) = match row {
                    Ok(row) => row,
                    Err(error) => {
                        self.row_problem(None, &error);
                        continue;
                    }
                };
                let id = key::id_at(&key, id_from).map(ConversationId::from_bytes);
                if id.is_none_or(|id| !heads.contains_key(&id)) {
                    self.row_problem(id, &RowError::Damaged(format!("{} has no head", name(&key))));
                }
                // Reading in order passes over the filters and indexes that a look-up needs.
                match view.get(&key) {
                    Ok(Some(_)) => {}
                    Ok(None) => self.row_problem(
                        id,
                        &RowError::Damaged(format!("{} is not found by its key", name(&key))),
                    ),
                    Err(error) => self.row_problem(id, &error),
                }
                if table == key::PLACES
                    && let Err(error) = check_place(view, &key, value)
                {
                    self.row_problem(id, &error);
                }
            }
        }
    }
}

/// A membership loads, and its marks are those by conversation.
fn check_place(view: &View, key: &[u8], value: bytes::Bytes) -> Result<(), RowError> {
    let place = Place::decode(value).map_err(|error| RowError::in_row(key, error))?;
    if place.marks == Marks::default() {
        return Ok(());
    }
    let (Some(account), Some(id)) = (key::id_at(key, 0), key::id_at(key, 16)) else {
        return Err(RowError::in_row(key, RecordError::Short));
    };
    let other =
        key::mark(ConversationId::from_bytes(id), parlance_types::AccountId::from_bytes(account));
    let marks = match view.get(&other)? {
        Some(value) => {
            record::decode_marks(value).map_err(|error| RowError::in_row(&other, error))?
        }
        None => Marks::default(),
    };
    if marks == place.marks {
        Ok(())
    } else {
        Err(RowError::Damaged(format!("{} has other marks than its conversation", name(key))))
    }
}
