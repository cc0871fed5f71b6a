//! The index of sealed blocks: for each group of 64, one row with their summaries and the fingerprints of their message ids,
//! so that an old name is found without unpacking what cannot hold it.

use bytes::{Buf, Bytes};
use parlance_ports::record::RecordError;
use parlance_types::MessageId;

use super::block::{Summary, fingerprint, walk};

/// Sealed blocks in one row.
pub(super) const GROUP: u64 = 64;
const VERSION: u8 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) blocks: Vec<Indexed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Indexed {
    pub(super) summary: Summary,
    fingerprints: Vec<u16>,
}

impl Indexed {
    pub(super) fn new(summary: Summary, events: &[u8]) -> Self {
        let fingerprints = walk(events).map(|event| fingerprint(event.message_id())).collect();
        Self { summary, fingerprints }
    }

    /// False: it does not hold this name.
    pub(super) fn may_hold(&self, id: MessageId) -> bool {
        (self.summary.id_ms_least..=self.summary.id_ms_greatest).contains(&id.unix_ms())
            && self.fingerprints.contains(&fingerprint(id))
    }
}

impl Index {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        for block in &self.blocks {
            block.summary.encode(&mut out);
            out.extend_from_slice(&(block.fingerprints.len() as u16).to_be_bytes());
            for fingerprint in &block.fingerprints {
                out.extend_from_slice(&fingerprint.to_be_bytes());
            }
        }
        out
    }

    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, RecordError> {
        match bytes.try_get_u8().map_err(|_| RecordError::Short)? {
            VERSION => {}
            other => return Err(RecordError::Version(other)),
        }
        let mut blocks = Vec::new();
        while !bytes.is_empty() {
            let summary = Summary::decode(&mut bytes)?;
            let count = usize::from(bytes.try_get_u16().map_err(|_| RecordError::Short)?);
            if bytes.len() < 2 * count {
                return Err(RecordError::Short);
            }
            let fingerprints = (0..count).map(|_| bytes.get_u16()).collect();
            blocks.push(Indexed { summary, fingerprints });
        }
        Ok(Self { blocks })
    }
}
