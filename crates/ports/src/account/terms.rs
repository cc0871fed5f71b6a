//! Under which texts an account is found: the same in every store, whatever the script.
//!
//! A text is folded (NFKC, case folding, without what is ignorable), cut into words, and joined again by single spaces. An account has a
//! term for each word of its handle and of its name: what begins there, and behind it what stood before. So one range of an ordered index
//! answers `lov`, `ada lov` and `lovelace a` alike. In scripts that set no spaces within a name (Han, Hangul) every letter begins a word.
//!
//! **Law**: the same text always has the same terms under one [`VERSION`]; a store whose index is of another makes it anew.

use std::collections::BTreeSet;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{
    DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup, Script,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use parlance_types::{Handle, Title};

/// Of the rules, tables of Unicode included. To be raised whenever a text gets other terms.
pub const VERSION: i64 = 1;
/// Bytes of a term; what is longer is cut.
pub const TERM_BYTES_MAX: usize = 96;
/// Terms of a handle, and of a name.
const HANDLE_TERMS_MAX: usize = 4;
const NAME_TERMS_MAX: usize = 12;

/// The terms of an account.
pub fn of(handle: &Handle, name: &Title) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    for (text, max) in [(handle.as_str(), HANDLE_TERMS_MAX), (name.as_str(), NAME_TERMS_MAX)] {
        let (text, starts) = words(&fold(text));
        terms.extend(starts.into_iter().take(max).map(|start| term(&text, start)));
    }
    terms
}

/// What the terms of those who are found under a text begin with. `None`: nothing in it can be looked for.
pub fn prefix(text: &str) -> Option<String> {
    let (mut text, _) = words(&fold(text));
    cut(&mut text);
    (!text.is_empty()).then_some(text)
}

fn term(text: &str, start: usize) -> String {
    let (before, from) = text.split_at(start);
    let mut term = from.to_owned();
    if !before.is_empty() {
        term.push(' ');
        term.push_str(before.trim_end());
    }
    cut(&mut term);
    term
}

fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(TERM_BYTES_MAX));
    text.truncate(text.trim_end().len());
}

/// The text without regard to case, width, composition and what nobody sees.
fn fold(text: &str) -> String {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let normal = ComposingNormalizerBorrowed::new_nfkc();
    let seen =
        |text: &str| -> String { text.chars().filter(|c| !ignorable.contains(*c)).collect() };
    let once = |text: &str| {
        let normalized = normal.normalize(text);
        let folded = CaseMapper::new().fold_string(&normalized);
        seen(&normal.normalize(&folded))
    };
    // A few letters fold once more when what they were composed of has folded.
    once(&once(&seen(text)))
}

/// The words, one space between two, and where one begins.
fn words(text: &str) -> (String, Vec<usize>) {
    let category = CodePointMapData::<GeneralCategory>::new();
    let script = CodePointMapData::<Script>::new();
    let stands_alone = |c| matches!(script.get(c), Script::Han | Script::Hangul);
    let (mut joined, mut starts) = (String::with_capacity(text.len()), Vec::new());
    let (mut at_start, mut after_alone) = (true, false);
    for c in text.chars() {
        let category = category.get(c);
        let is_mark = GeneralCategoryGroup::Mark.contains(category);
        let of_a_word = is_mark
            || GeneralCategoryGroup::Letter.contains(category)
            || GeneralCategoryGroup::Number.contains(category)
            || GeneralCategoryGroup::Symbol.contains(category);
        if !of_a_word {
            at_start = true;
            continue;
        }
        if at_start && !joined.is_empty() {
            joined.push(' ');
        }
        let alone = stands_alone(c);
        if at_start || alone || (after_alone && !is_mark) {
            starts.push(joined.len());
        }
        joined.push(c);
        at_start = false;
        after_alone = alone || (after_alone && is_mark);
    }
    (joined, starts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether an account of this name is found under this text.
    fn finds(name: &str, text: &str) -> bool {
        let name = Title::new(name).unwrap();
        let terms = of(&"zzz".parse().unwrap(), &name);
        prefix(text).is_some_and(|prefix| terms.iter().any(|term| term.starts_with(&prefix)))
    }

    #[test]
    fn every_word_is_found_by_its_beginning_in_every_script() {
        for (name, texts) in [
            ("Ada Lovelace", &["a", "ADA", "lov", "ada lov", "Lovelace, A", "  ada  "][..]),
            ("Jean-Luc d'Arc", &["luc", "jean l", "arc", "jean-luc d’arc"]),
            ("José Ångström", &["JOSE\u{301}", "ång", "A\u{30a}NG"]),
            ("Straße", &["STRASSE", "strass"]),
            ("Σωκράτης", &["ΣΩΚΡΆΤΗΣ", "σωκράτησ"]),
            ("Лев Толстой", &["тол", "ЛЕВ Т"]),
            ("محمد بن سلمان", &["محم", "سلم", "بن سل"]),
            ("علی\u{200c}رضا", &["علیرضا", "علی"]),
            ("สมชาย ใจดี", &["สม", "ใจ", "สมชาย ใ"]),
            ("王小明", &["王", "小明", "明", "王小"]),
            ("山田さくら", &["山田", "さく", "田さ"]),
            ("ｼﾞｮﾝ", &["ジョン"]),
            ("김민수", &["김", "민수", "\u{1100}\u{1175}\u{11b7}"]),
            ("प्रिया शर्मा", &["प्रि", "शर्"]),
            ("Ｗｉｄｅ", &["wide"]),
            ("🦊 Fox", &["🦊", "fox"]),
            ("İstanbul", &["i\u{307}st"]),
        ] {
            for text in texts {
                assert!(finds(name, text), "{text} in {name}: {:?}", prefix(text));
            }
        }
        for (name, text) in
            [("Ada Lovelace", "ovelace"), ("Ada", "adam"), ("王小明", "小王"), ("x", "…")]
        {
            assert!(!finds(name, text), "{text} in {name}");
        }
    }

    #[test]
    fn a_handle_is_found_by_its_beginning_and_its_parts() {
        let terms = of(&"Ada.L_1".parse().unwrap(), &Title::new("x").unwrap());
        for text in ["ada.l_1", "ADA.", "l_1", "a"] {
            let prefix = prefix(text).unwrap();
            assert!(terms.iter().any(|term| term.starts_with(&prefix)), "{text}");
        }
    }

    #[test]
    fn an_endless_name_has_few_short_terms() {
        let name = Title::new(&"\u{fdfa}王".repeat(50)).unwrap();
        let terms = of(&"a_b_c_d_e_f".parse().unwrap(), &name);
        assert!(terms.len() <= HANDLE_TERMS_MAX + NAME_TERMS_MAX, "{}", terms.len());
        assert!(terms.iter().all(|term| term.len() <= TERM_BYTES_MAX));
        assert!(prefix(&"x".repeat(500)).unwrap().len() <= TERM_BYTES_MAX);
    }

    #[test]
    fn whatever_changes_a_term_changes_the_version() {
        let mut all = blake3::Hasher::new();
        for c in char::MIN..=char::MAX {
            let folded = fold(c.encode_utf8(&mut [0; 4]));
            all.update(folded.as_bytes()).update(&[0xff]);
            assert_eq!(fold(&folded), folded, "{:x}", u32::from(c));
            let (joined, starts) = words(&folded);
            all.update(joined.as_bytes()).update(&[starts.len() as u8]);
        }
        let expected = (1, "08bac56bb1c00755");
        assert_eq!((VERSION, &all.finalize().to_hex()[..16]), expected);
    }

    proptest! {
        #[test]
        fn case_and_form_do_not_matter(name in "\\PC{1,40}") {
            let folded = fold(&name);
            prop_assert_eq!(&fold(&folded), &folded);
            prop_assert_eq!(fold(&name.to_ascii_uppercase()), fold(&name.to_ascii_lowercase()));
            let decomposed = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd();
            prop_assert_eq!(fold(&decomposed.normalize(&name)), folded);
        }

        #[test]
        fn an_account_is_found_under_its_whole_name_and_under_each_beginning(name in "\\PC{1,40}") {
            let Ok(title) = Title::new(&name) else { return Ok(()) };
            let terms = of(&"zzz".parse().unwrap(), &title);
            for (end, c) in name.char_indices() {
                // A letter that joins what precedes it makes another beginning of it.
                let Some(prefix) = prefix(&name[..end + c.len_utf8()]) else { continue };
                let (whole, _) = words(&fold(&name));
                if whole.starts_with(&prefix) {
                    prop_assert!(terms.iter().any(|term| term.starts_with(&prefix)), "{:?} {:?}", prefix, terms);
                }
            }
        }
    }
}
