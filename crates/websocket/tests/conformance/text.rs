//! Category 6: UTF-8, with every sequence of Autobahn (they are Markus Kuhn's), whole and one byte per frame, and
//! the place where each must fail.

use parlance_websocket::Role;

use crate::fragments::in_fragments;
use crate::script::{CONTINUATION, Event, FIN, TEXT, check, check_fails_at, frame, text, wire};

const KOSME: &[u8] = "κ\u{1f79}σμε".as_bytes();
/// Where its characters end.
const KOSME_BOUNDARIES: [usize; 5] = [2, 5, 7, 9, 11];
const UNMASKED_HEADER_BYTES: usize = 2;

#[test]
fn case_6_1_empty_texts() {
    check(&[frame(FIN | TEXT, "")], &[text("")]);
    for middle in ["", "middle frame payload"] {
        let frames = [frame(TEXT, ""), frame(CONTINUATION, middle), frame(FIN | CONTINUATION, "")];
        check(&frames, &[text(middle)]);
    }
}

#[test]
fn case_6_2_valid_text_in_fragments() {
    let sample = "Hello-µ@ßöäüàá-UTF-8!!";
    check(&[frame(FIN | TEXT, sample)], &[text(sample)]);
    for fragment_bytes in 1..sample.len() {
        check(&in_fragments(TEXT, sample.as_bytes(), fragment_bytes), &[text(sample)]);
    }
}

#[test]
fn case_6_3_and_4_invalid_text_fails_at_its_first_wrong_byte() {
    for (wrong, position) in [(&b"\xed\xa0\x80"[..], 1), (&b"\xf4\x90\x80\x80"[..], 1)] {
        let sample = [KOSME, wrong, b"edited"].concat();
        check(&in_fragments(TEXT, &sample, 1), &[Event::Fail(1007)]);
        check(&[frame(FIN | TEXT, &sample)], &[Event::Fail(1007)]);
        check(
            &[frame(TEXT, KOSME), frame(CONTINUATION, wrong), frame(FIN | CONTINUATION, "edited")],
            &[Event::Fail(1007)],
        );
        let bytes = wire(Role::Client, &[frame(FIN | TEXT, &sample)]);
        check_fails_at(Role::Client, &bytes, UNMASKED_HEADER_BYTES + KOSME.len() + position, 1007);
    }
}

#[test]
fn case_6_5_to_23_every_sequence() {
    let (valid, invalid) = (valid_sequences(), invalid_sequences());
    assert_eq!(valid.len() + invalid.len(), 132, "the suite has as many");
    for sequence in valid {
        let expected = [text(str::from_utf8(&sequence).expect("the table says so"))];
        check(&[frame(FIN | TEXT, &sequence)], &expected);
        check(&in_fragments(TEXT, &sequence, 1), &expected);
    }
    for sequence in invalid {
        check(&[frame(FIN | TEXT, &sequence)], &[Event::Fail(1007)]);
        check(&in_fragments(TEXT, &sequence, 1), &[Event::Fail(1007)]);
        let bytes = wire(Role::Client, &[frame(FIN | TEXT, &sequence)]);
        let position = first_hopeless(&sequence).unwrap_or(sequence.len() - 1);
        check_fails_at(Role::Client, &bytes, UNMASKED_HEADER_BYTES + position, 1007);
    }
}

#[test]
fn text_cut_inside_a_character_fails_only_at_its_end() {
    for length in 1..4 {
        let cut = &"😀".as_bytes()[..length];
        check(&[frame(FIN | TEXT, cut)], &[Event::Fail(1007)]);
        check(&[frame(TEXT, cut), frame(FIN | CONTINUATION, "")], &[Event::Fail(1007)]);
        check(&[frame(TEXT, cut)], &[]);
    }
}

/// The first byte after which nothing can make the text valid. Tries all ends, so it shares no logic with a decoder.
fn first_hopeless(bytes: &[u8]) -> Option<usize> {
    let tails: Vec<Vec<u8>> = [0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf]
        .into_iter()
        .flat_map(|byte| [vec![byte], vec![byte, 0x80], vec![byte, 0x80, 0x80]])
        .chain([Vec::new()])
        .collect();
    let hopeful =
        |prefix: &[u8]| tails.iter().any(|tail| str::from_utf8(&[prefix, tail].concat()).is_ok());
    (0..bytes.len()).find(|end| !hopeful(&bytes[..=*end]))
}

fn valid_sequences() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut add = |sequence: &[u8]| all.push(sequence.to_vec());
    for middle in ["$", "¢", "€", "𤭢"] {
        add(format!("hello{middle}world").as_bytes()); // 6.5
    }
    add(KOSME);
    for end in KOSME_BOUNDARIES {
        add(&KOSME[..end]); // 6.6
    }
    add(b"\0"); // 6.7: the first of each length
    add(b"\xc2\x80");
    add(b"\xe0\xa0\x80");
    add(b"\xf0\x90\x80\x80");
    add(b"\x7f"); // 6.9: the last of each length
    add(b"\xdf\xbf");
    add(b"\xef\xbf\xbf");
    add(b"\xf4\x8f\xbf\xbf");
    add(b"\xed\x9f\xbf"); // 6.11: other borders
    add(b"\xee\x80\x80");
    add(b"\xef\xbf\xbd");
    add(b"\xf4\x8f\xbf\xbf");
    for plane in 0..=16_u32 {
        for last in [0xfffe, 0xffff] {
            let noncharacter = char::from_u32(plane << 16 | last).expect("not a surrogate");
            add(noncharacter.to_string().as_bytes()); // 6.22
        }
    }
    for special in '\u{fff9}'..='\u{ffff}' {
        add(special.to_string().as_bytes()); // 6.23
    }
    all
}

fn invalid_sequences() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (1..=KOSME.len())
        .filter(|end| !KOSME_BOUNDARIES.contains(end))
        .map(|end| KOSME[..end].to_vec()) // 6.6
        .collect();
    all.extend(INVALID.iter().map(|sequence| sequence.to_vec()));
    all.push(INCOMPLETE.concat()); // 6.15
    all.extend(INCOMPLETE.iter().map(|sequence| sequence.to_vec()));
    all.extend([vec![0x80], vec![0xbf], (0x80..=0xbf).collect()]); // 6.12: lonely continuations
    all.extend((2..=6).map(|length| [0x80, 0xbf].repeat(3)[..length].to_vec()));
    for starts in [0xc0..=0xdf, 0xe0..=0xef, 0xf0..=0xf7, 0xf8..=0xfb, 0xfc..=0xfd_u8] {
        all.push(starts.flat_map(|start| [start, b' ']).collect()); // 6.13: lonely starts
    }
    for high in [[0xa0, 0x80], [0xad, 0xbf], [0xae, 0x80], [0xaf, 0xbf]] {
        for low in [[0xb0, 0x80], [0xbf, 0xbf]] {
            all.push([&[0xed], &high[..], &[0xed], &low[..]].concat()); // 6.21: pairs of surrogates
        }
    }
    all
}

/// 6.14: the last continuation is missing.
const INCOMPLETE: [&[u8]; 10] = [
    b"\xc0",
    b"\xe0\x80",
    b"\xf0\x80\x80",
    b"\xf8\x80\x80\x80",
    b"\xfc\x80\x80\x80\x80",
    b"\xdf",
    b"\xef\xbf",
    b"\xf7\xbf\xbf",
    b"\xfb\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf",
];

const INVALID: [&[u8]; 31] = [
    b"\xf8\x88\x80\x80\x80", // 6.8: the first of lengths that are no more
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xf7\xbf\xbf\xbf", // 6.10: the last of them
    b"\xfb\xbf\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf\xbf",
    b"\xf4\x90\x80\x80", // 6.11: above the last plane
    b"\xfe",             // 6.16: bytes that never are
    b"\xff",
    b"\xfe\xfe\xff\xff",
    b"\xc0\xaf", // 6.17: a slash, too long
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xf8\x80\x80\x80\xaf",
    b"\xfc\x80\x80\x80\x80\xaf",
    b"\xc1\xbf", // 6.18: the greatest that are too long
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf8\x87\xbf\xbf\xbf",
    b"\xfc\x83\xbf\xbf\xbf\xbf",
    b"\xc0\x80", // 6.19: NUL, too long
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
    b"\xf8\x80\x80\x80\x80",
    b"\xfc\x80\x80\x80\x80\x80",
    b"\xed\xa0\x80", // 6.20: surrogates
    b"\xed\xad\xbf",
    b"\xed\xae\x80",
    b"\xed\xaf\xbf",
    b"\xed\xb0\x80",
    b"\xed\xbe\x80",
    b"\xed\xbf\xbf",
];
