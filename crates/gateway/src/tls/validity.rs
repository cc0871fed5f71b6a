//! From when until when a certificate holds: the two times of X.509, and nothing else of it. Whether it is a good one is rustls's to say.

/// From when until when a certificate holds, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub from: i64,
    pub until: i64,
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const DAY_SECONDS: i64 = 24 * 60 * 60;

impl Validity {
    /// Of a certificate in DER.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = take(certificate, SEQUENCE)?;
        let (body, _) = take(certificate, SEQUENCE)?;
        let body = take(body, VERSION).map_or(body, |(_, rest)| rest);
        let (_serial, rest) = take(body, INTEGER)?;
        let (_algorithm, rest) = take(rest, SEQUENCE)?;
        let (_issuer, rest) = take(rest, SEQUENCE)?;
        let (validity, _) = take(rest, SEQUENCE)?;
        let (from, rest) = time(validity)?;
        let (until, _) = time(rest)?;
        Some(Self { from, until })
    }

    pub fn is_over(&self, now: i64) -> bool {
        now > self.until
    }

    /// Not yet, or not any more.
    pub fn is_invalid(&self, now: i64) -> bool {
        now < self.from || self.is_over(now)
    }

    pub fn days_left(&self, now: i64) -> i64 {
        (self.until - now).div_euclid(DAY_SECONDS)
    }

    /// The last day, as people write it: `2026-11-25`.
    pub fn until_text(&self) -> String {
        date(self.until)
    }

    pub fn from_text(&self) -> String {
        date(self.from)
    }
}

/// The content of the element that `der` begins with, which has to be of this kind, and what follows it.
fn take(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    if found != kind {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 3))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ` (RFC 5280, 4.1.2.5).
fn time(der: &[u8]) -> Option<(i64, &[u8])> {
    let (century, (text, rest)) = match take(der, UTC_TIME) {
        Some(found) => (None, found),
        None => (Some(()), take(der, GENERALIZED_TIME)?),
    };
    let mut digits = text.strip_suffix(b"Z")?;
    let mut pair = || {
        let (&[tens, ones], rest) = digits.split_first_chunk::<2>()?;
        digits = rest;
        (tens.is_ascii_digit() && ones.is_ascii_digit())
            .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let century = match century {
        Some(()) => Some(pair()?),
        None => None,
    };
    let year = pair()?;
    // Two digits are of 1950 to 2049.
    let year = year + century.unwrap_or(if year < 50 { 20 } else { 19 }) * 100;
    let (month, day, hour, minute, second) = (pair()?, pair()?, pair()?, pair()?, pair()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !digits.is_empty() {
        return None;
    }
    Some((days(year, month, day) * DAY_SECONDS + hour * 3_600 + minute * 60 + second, rest))
}

/// Days from 1970-01-01 in the Gregorian calendar; years begin with March here, so that a leap day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

fn date(seconds: i64) -> String {
    let day = seconds.div_euclid(DAY_SECONDS) + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn check(from: (i32, u8, u8), until: (i32, u8, u8)) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["chat.example".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        let expected = (params.not_before.unix_timestamp(), params.not_after.unix_timestamp());
        let certificate = params.self_signed(&key).expect("a certificate");
        let validity = Validity::of(certificate.der()).expect("two times");
        assert_eq!((validity.from, validity.until), expected);
        (validity.from_text(), validity.until_text())
    }

    #[test]
    fn both_ways_to_write_a_time_are_read() {
        let text = |from: &str, until: &str| (from.to_owned(), until.to_owned());
        assert_eq!(check((2024, 2, 29), (2027, 3, 1)), text("2024-02-29", "2027-03-01"));
        assert_eq!(check((1975, 1, 1), (4096, 12, 31)), text("1975-01-01", "4096-12-31"));
        assert_eq!(check((1999, 12, 31), (2050, 1, 1)), text("1999-12-31", "2050-01-01"));
    }

    #[test]
    fn what_is_cut_off_or_changed_is_refused_quietly() {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["chat.example".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        let der = certificate.der().to_vec();
        for length in 0..der.len() {
            assert_eq!(Validity::of(&der[..length]), None, "{length}");
        }
        for index in 0..der.len() {
            let mut changed = der.clone();
            changed[index] ^= 0xff;
            Validity::of(&changed);
        }
    }

    #[test]
    fn a_certificate_holds_to_its_last_second() {
        let validity = Validity { from: 100, until: 100 + 2 * DAY_SECONDS };
        assert!(validity.is_invalid(99) && !validity.is_invalid(100));
        assert!(!validity.is_over(validity.until) && validity.is_over(validity.until + 1));
        assert_eq!(validity.days_left(validity.until - 1), 0);
        assert_eq!(validity.days_left(100), 2);
    }
}
