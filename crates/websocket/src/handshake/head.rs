//! The head of an HTTP/1.1 message: gathered up to a bound, then read strictly. Refuses folded lines, bare control
//! characters and blanks before the colon, which proxies and servers are known to read differently.

/// A head that is not complete by then is refused.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;

const END: &[u8] = b"\r\n\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    #[error("head is longer than {HEAD_BYTES_MAX} bytes")]
    TooLong,
    #[error("head is not HTTP/1.1")]
    Malformed,
}

/// Bytes of a head until its empty line.
#[derive(Debug, Default)]
pub(super) struct HeadBuffer {
    bytes: Vec<u8>,
}

pub(super) struct Head<'a> {
    pub(super) start_line: &'a str,
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
}

impl HeadBuffer {
    /// How many bytes of `input` belonged to the head, once it is complete.
    pub(super) fn receive(&mut self, input: &[u8]) -> Result<Option<usize>, HeadError> {
        let before = self.bytes.len();
        let room = HEAD_BYTES_MAX - before;
        self.bytes.extend_from_slice(&input[..input.len().min(room)]);
        let search_start = before.saturating_sub(END.len() - 1);
        let found = self.bytes[search_start..].windows(END.len()).position(|bytes| bytes == END);
        match found {
            Some(position) => {
                self.bytes.truncate(search_start + position + END.len());
                Ok(Some(self.bytes.len() - before))
            }
            None if input.len() >= room => Err(HeadError::TooLong),
            None => Ok(None),
        }
    }

    /// Reads the complete head.
    pub(super) fn parse(&self) -> Result<Head<'_>, HeadError> {
        let lines = self.bytes.strip_suffix(b"\r\n").ok_or(HeadError::Malformed)?;
        let mut lines = lines
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r\n").ok_or(HeadError::Malformed));
        let start_line = lines.next().ok_or(HeadError::Malformed)??;
        let start_line = str::from_utf8(start_line).map_err(|_| HeadError::Malformed)?;
        if !is_value(start_line) {
            return Err(HeadError::Malformed);
        }
        let headers = lines.map(|line| parse_header(line?)).collect::<Result<_, _>>()?;
        Ok(Head { start_line, headers })
    }
}

/// May stand in a header value that we write.
pub(super) fn is_value(value: &str) -> bool {
    !value.bytes().any(is_forbidden)
}

/// May stand as a header name or a subprotocol.
pub(super) fn is_token(name: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token_byte)
}

fn parse_header(line: &[u8]) -> Result<(&str, &[u8]), HeadError> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(HeadError::Malformed)?;
    let name = str::from_utf8(&line[..colon]).map_err(|_| HeadError::Malformed)?;
    let value = line[colon + 1..].trim_ascii();
    if !is_token(name) || value.iter().copied().any(is_forbidden) {
        return Err(HeadError::Malformed);
    }
    Ok((name, value))
}

const fn is_forbidden(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}
