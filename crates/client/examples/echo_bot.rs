//! Answers every message with itself, and each exactly once, whatever happens to it:
//! `cargo run -p parlance-client --example echo_bot -- --help`

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Parser;
use parlance_client::{Client, ClientError, FileStorage, Secret, SignIn, SignUp, Update};
use parlance_types::frame::{MarkRequest, Place};
use parlance_types::{Action, Body, Code, Event, Handle, MessageId};

/// Of a conversation that it does not know yet, as many of the newest messages are answered.
const BACKLOG: u64 = 100;

/// A bot that answers every message with itself, in whatever conversation it is. It ends when it is interrupted.
///
/// The password is the first line of standard input; it is needed only once. If there is no such account, it is made.
#[derive(Parser)]
struct Options {
    /// Where the server is, as `https://host` or `http://host:port`.
    url: String,
    /// Who it is.
    handle: Handle,
    /// Where it remembers who it is and what it has answered: a file, kept secret.
    #[arg(long, value_name = "FILE", default_value = "echo_bot.json")]
    state: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let storage = FileStorage::open(&options.state)?;
    let client = match Client::stored(&options.url, &storage)? {
        Some(client) => client,
        None => sign(&options).await?,
    };
    let me = client.account();
    let mut connection = client.connect_stored(storage, BACKLOG)?;
    loop {
        match connection.next().await? {
            Update::Ready { .. } => writeln!(io::stdout(), "ready as {me}")?,
            Update::Event { event, .. } if event.sender != me => {
                let (conversation, read) = (event.conversation, Some(event.seq));
                connection.mark(MarkRequest { conversation, delivered: read, read });
                if let Some(answer) = answer(&event) {
                    connection.send_as(name(&event), Place::Conversation(conversation), answer)?;
                }
            }
            Update::Refused { error: Some(error), .. } => {
                writeln!(io::stderr(), "could not answer: {}", error.code)?;
            }
            _ => {}
        }
    }
}

fn answer(event: &Event) -> Option<Action> {
    let Body::Text { text, entities } = event.content.body.clone() else { return None };
    let (reply_to, seen) = (Some(event.seq), Some(event.seq));
    Some(Action::Send { to: None, text, entities, reply_to, seen, silent: true })
}

/// The name of the answer follows from that of the message. So if this process is killed between its answer and its note that it
/// answered, and answers again, that is the same answer.
fn name(event: &Event) -> MessageId {
    let mut bytes = *event.message_id.as_bytes();
    bytes[15] = !bytes[15];
    MessageId::from_bytes(bytes)
}

async fn sign(options: &Options) -> Result<Client, Box<dyn std::error::Error>> {
    let mut password = String::new();
    io::stdin().read_line(&mut password)?;
    let password = Secret::new(password.trim_end_matches(['\r', '\n']));
    let handle = options.handle.clone();
    let sign_in = SignIn { handle: handle.clone(), password: password.clone(), device_name: None };
    match Client::sign_in(&options.url, &sign_in).await {
        Err(ClientError::Refused(error)) if error.code == Code::InvalidCredentials => {
            let account = SignUp { handle, password, name: None, device_name: None };
            Ok(Client::sign_up(&options.url, &account).await?)
        }
        outcome => Ok(outcome?),
    }
}
