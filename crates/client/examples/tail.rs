//! Follows the conversations of an account: prints what is said, as it is said.
//! `cargo run -p parlance-client --example tail -- --help`

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::PathBuf;

use bytes::BytesMut;
use clap::Parser;
use parlance_client::{Client, Connection, Door, FileStorage, Saved, Secret, SignIn, Update};
use parlance_protocol::json::encode_event;
use parlance_types::{AccountId, ConversationId, Event, Handle};

/// Follows the conversations of an account and prints what is said, one line for each message. It ends when it is interrupted.
///
/// The password is the first line of standard input. With --state it is needed only once.
#[derive(Parser)]
struct Options {
    /// Where the server is, as `https://host` or `http://host:port`.
    url: String,
    /// Who reads.
    handle: Handle,
    /// Follow only this conversation.
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    /// Print each event as a JSON object in a line, as it stands in the protocol; events that are no messages too.
    #[arg(long)]
    json: bool,
    /// Begin with this many of the newest events of each conversation.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    lines: u64,
    /// Remember here (a file, kept secret) who is signed in and what was printed, and go on behind it the next time.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// How to connect: socket, protobuf, stream or poll. Where that does not get through, the others are tried.
    #[arg(long, value_parser = door, default_value = "socket")]
    door: Door,
    /// Ask for compressed messages.
    #[arg(long)]
    compress: bool,
}

fn door(text: &str) -> Result<Door, &'static str> {
    match text {
        "socket" => Ok(Door::Socket),
        "protobuf" => Ok(Door::Protobuf),
        "stream" => Ok(Door::Stream),
        "poll" => Ok(Door::Poll),
        _ => Err("socket, protobuf, stream or poll"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let mut connection = connect(&options).await?;
    connection.change_door(options.door);
    connection.compress(options.compress);
    let mut handles: HashMap<AccountId, Handle> = HashMap::new();
    let mut out = io::stdout().lock();
    loop {
        match connection.next().await? {
            Update::Person(person) => drop(handles.insert(person.account, person.handle)),
            Update::Event { event, .. }
                if options.conversation.is_none_or(|wanted| wanted == event.conversation) =>
            {
                let line = if options.json { json(&event) } else { plain(&event, &handles) };
                // Whoever reads may have enough; `head` does so.
                if !line.is_empty() && writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                    return Ok(());
                }
            }
            _ => {}
        }
    }
}

async fn connect(options: &Options) -> Result<Connection, Box<dyn std::error::Error>> {
    let Some(path) = &options.state else {
        return Ok(sign_in(options).await?.connect(Saved::default(), options.lines)?);
    };
    let storage = FileStorage::open(path)?;
    let client = match Client::stored(&options.url, &storage)? {
        Some(client) => client,
        None => sign_in(options).await?,
    };
    Ok(client.connect_stored(storage, options.lines)?)
}

async fn sign_in(options: &Options) -> Result<Client, Box<dyn std::error::Error>> {
    let mut password = String::new();
    io::stdin().read_line(&mut password)?;
    let password = Secret::new(password.trim_end_matches(['\r', '\n']));
    let sign_in = SignIn { handle: options.handle.clone(), password, device_name: None };
    Ok(Client::sign_in(&options.url, &sign_in).await?)
}

fn json(event: &Event) -> String {
    let mut out = BytesMut::new();
    encode_event(event, true, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Nothing for what is no message.
fn plain(event: &Event, handles: &HashMap<AccountId, Handle>) -> String {
    let Some((text, _)) = event.content.body.text() else { return String::new() };
    let sender = event.sender.to_string();
    let sender = handles.get(&event.sender).map_or(sender.as_str(), Handle::as_str);
    format!("{}\t{}\t{sender}\t{}", event.conversation, event.seq, text.escape_debug())
}
