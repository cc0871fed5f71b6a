//! The audit: pages, changes and heads of everybody, asked for when all is quiet, against the naive reading of the log.

use parlance_types::frame::{Fetch, FetchRange, Head, Now, PageEntry};
use parlance_types::{AccountId, Body, ConversationId, Kind, Seq};

use super::Judge;
use super::end::Truth;
use super::tale::{Look, Tale};
use crate::cast;
use crate::node::Node;

/// Events in a page of the audit: few, so that most logs have several pages.
const LIMIT: usize = 7;

impl Judge {
    /// Asks `node` for everything that every account may see.
    pub(crate) async fn audit(&self, node: &dyn Node, truth: &Truth) {
        for number in 0..cast::ACCOUNTS {
            let account = cast::account(number);
            match node.list(account, None).await {
                Ok(listed) => self.check_heads(account, &listed.heads, truth),
                Err(refusal) => self.violation(format!("no listing in quiet: {refusal:?}")),
            }
            for (id, tale) in &truth.tales {
                let Some(bounds) = tale.members.bounds(account, tale.length()) else { continue };
                let walk = Walk { node, account, id: *id, tale, bounds };
                match walk.pages().await {
                    Ok(entries) => self.book.lock().blame(walk.differences(&entries)),
                    Err(what) => self.violation(what),
                }
                if let Err(what) = walk.changes().await {
                    self.violation(what);
                }
            }
        }
    }

    fn check_heads(&self, account: AccountId, heads: &[Head], truth: &Truth) {
        let expected = truth.tales.iter().filter_map(|(id, tale)| {
            Some((id, tale, tale.members.bounds(account, tale.length())?))
        });
        for (id, tale, bounds) in expected {
            let Some(head) = heads.iter().find(|head| head.conversation == *id) else {
                self.violation(format!("{account} is not listed {id}"));
                continue;
            };
            if let Some(what) = head_differs(account, head, tale, bounds, !self.owners) {
                self.violation(format!("the head of {id} for {account} has another {what}"));
            }
        }
    }
}

fn head_differs(
    account: AccountId,
    head: &Head,
    tale: &Tale,
    (first, last): (u64, u64),
    with_last: bool,
) -> Option<&'static str> {
    let record = tale.record(last)?;
    let is_in = tale.members.roles.contains_key(&account);
    let shown = (1..=last).rev().take(50).find(|seq| {
        tale.sees(account, *seq, tale.length())
            && tale.record(*seq).is_some_and(|record| record.kind == Kind::Text)
    });
    let text = shown.filter(|seq| tale.deleted(*seq).is_none()).and_then(|seq| {
        let edited = tale.look(account, seq).edited;
        edited.or_else(|| tale.text(seq).map(str::to_owned))
    });
    let preview = head.last.as_ref().and_then(|last| last.text.as_deref());
    let checks = [
        ("end", head.seq.get() == last),
        ("hash", head.hash == record.hash),
        ("ordinal", head.ordinal == record.ordinal),
        ("time", head.changed_at == record.at),
        ("first", head.first.get() == first),
        ("role", head.role == tale.members.roles.get(&account).copied()),
        ("size", !is_in || head.member_count == tale.members.roles.len()),
        ("last", !with_last || head.last.as_ref().map(|last| last.seq.get()) == shown),
        ("preview", !with_last || preview == text.as_deref()),
        ("unread", head.unread <= record.ordinal.get()),
    ];
    checks.into_iter().find(|(_, holds)| !holds).map(|(what, _)| what)
}

/// One account's walk through one conversation.
struct Walk<'a> {
    node: &'a dyn Node,
    account: AccountId,
    id: ConversationId,
    tale: &'a Tale,
    bounds: (u64, u64),
}

impl Walk<'_> {
    async fn fetch(
        &self,
        range: FetchRange,
        limit: usize,
    ) -> Result<(Vec<PageEntry>, Option<Seq>), String> {
        let asked = Fetch { id: 0, conversation: self.id, range, limit };
        let page = self.node.fetch(self.account, asked).await;
        let page =
            page.map_err(|refusal| format!("no page of {} in quiet: {refusal:?}", self.id))?;
        Ok((page.events, page.next))
    }

    async fn pages(&self) -> Result<Vec<PageEntry>, String> {
        let (mut entries, mut after) = (Vec::new(), 0);
        loop {
            let (some, next) = self.fetch(FetchRange::After { after }, LIMIT).await?;
            entries.extend(some);
            match next {
                Some(next) if next.get() > after => after = next.get(),
                Some(_) => return Err(format!("pages of {} go round in circles", self.id)),
                None => return Ok(entries),
            }
        }
    }

    fn differences(&self, entries: &[PageEntry]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut next = self.bounds.0;
        for entry in entries {
            let (from, to) = place(entry);
            if from != next {
                wrong.push(format!("{} has {from} where {next} was due", self.id));
            }
            for seq in from..=to {
                if let Some(what) = self.difference(seq, entry) {
                    wrong.push(format!("{} {seq} for {}: {what}", self.id, self.account));
                }
            }
            next = to + 1;
        }
        if next != self.bounds.1 + 1 {
            wrong.push(format!("pages of {} for {} end before {next}", self.id, self.account));
        }
        wrong
    }

    fn difference(&self, seq: u64, entry: &PageEntry) -> Option<&'static str> {
        let sees = self.tale.sees(self.account, seq, self.tale.length());
        let deleted = self.tale.deleted(seq).is_some();
        match entry {
            PageEntry::Hidden { .. } => sees.then_some("is hidden"),
            _ if !sees => Some("is shown"),
            PageEntry::Deleted(_) => (!deleted).then_some("is shown as deleted"),
            PageEntry::Event { .. } if deleted => Some("is shown with its body"),
            PageEntry::Event { event, now } => {
                let text = event.content.body.text().map(|(text, _)| text.as_str());
                if text != self.tale.text(seq) {
                    return Some("says something else");
                }
                let look = now.as_ref().map(look).unwrap_or_default();
                (look != self.tale.look(self.account, seq)).then_some("looks different")
            }
        }
    }

    /// The targets at or below the middle that were touched after it.
    async fn changes(&self) -> Result<(), String> {
        if !self.tale.members.roles.contains_key(&self.account) {
            return Ok(());
        }
        let middle = self.bounds.0 + (self.bounds.1 - self.bounds.0) / 2;
        let Some(up_to) = Seq::new(middle) else { return Ok(()) };
        let range = FetchRange::ChangesAfter { after: middle, up_to };
        let (entries, _) = self.fetch(range, 100).await?;
        let told: Vec<u64> = entries
            .iter()
            .filter(|entry| !matches!(entry, PageEntry::Hidden { .. }))
            .map(|entry| place(entry).0)
            .collect();
        let touched = |seq: &u64| self.tale.touching(*seq).any(|(by, _)| by > middle);
        let sees = |seq: &u64| self.tale.sees(self.account, *seq, self.tale.length());
        let expected: Vec<u64> = (1..=middle).filter(|seq| touched(seq) && sees(seq)).collect();
        if told == expected {
            Ok(())
        } else {
            Err(format!("changes of {} after {middle} are {expected:?}, not {told:?}", self.id))
        }
    }
}

fn place(entry: &PageEntry) -> (u64, u64) {
    match entry {
        PageEntry::Event { event, .. } => (event.seq.get(), event.seq.get()),
        PageEntry::Deleted(deleted) => (deleted.seq.get(), deleted.seq.get()),
        PageEntry::Hidden { seq, up_to } => (seq.get(), up_to.get()),
    }
}

fn look(now: &Now) -> Look {
    let edited = match &now.body {
        Some(Body::Text { text, .. }) => Some(text.as_str().to_owned()),
        _ => None,
    };
    let reactions = now.reactions.iter();
    let reactions = reactions.map(|known| (known.account, known.emoji.as_str().to_owned()));
    Look { edited, reactions: reactions.collect() }
}
