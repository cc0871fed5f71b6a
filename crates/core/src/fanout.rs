//! How an event reaches its audience: one plan, chosen from the size alone.
//!
//! Thresholds are configuration, the choice is this code. Beyond some hundreds of members a later version subscribes nodes
//! instead of naming connections; until then such conversations are fanned out in chunks too, which is correct but costs the
//! owner time in proportion to their size.

/// Where one plan ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Members up to which all connections are served in one go.
    pub direct_max: usize,
    /// Members served before other work gets its turn.
    pub chunk: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { direct_max: 50, chunk: 250 }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Every member's connections, directly.
    Direct,
    /// So many members at a time.
    Chunked {
        /// Members in a chunk; at least 1.
        size: usize,
    },
}

/// The plan for an audience.
pub fn plan(audience: usize, thresholds: &Thresholds) -> Plan {
    if audience <= thresholds.direct_max {
        Plan::Direct
    } else {
        Plan::Chunked { size: thresholds.chunk.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_chooses_the_plan() {
        let thresholds = Thresholds { direct_max: 50, chunk: 100 };
        for (audience, expected) in [
            (0, Plan::Direct),
            (2, Plan::Direct),
            (50, Plan::Direct),
            (51, Plan::Chunked { size: 100 }),
            (250, Plan::Chunked { size: 100 }),
            (100_000, Plan::Chunked { size: 100 }),
        ] {
            assert_eq!(plan(audience, &thresholds), expected, "{audience}");
        }
        assert_eq!(plan(9, &Thresholds { direct_max: 0, chunk: 0 }), Plan::Chunked { size: 1 });
    }
}
