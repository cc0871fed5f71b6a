//! Signs in (or up), sends a text to somebody by handle, and waits until it is durable:
//! `cargo run -p parlance-client --example send -- http://127.0.0.1:8080 ada "a long password" bob "hello"`.

use std::io::Write as _;

use parlance_client::{Client, ClientError, Saved, Secret, SignIn, SignUp, Update};
use parlance_types::frame::Place;
use parlance_types::{Action, Code, Handle, MessageText};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, handle, password, to, text] = &arguments[..] else {
        return Err("usage: send URL HANDLE PASSWORD TO TEXT".into());
    };
    let handle: Handle = handle.parse()?;
    let password = Secret::new(password.as_str());
    let mut client = sign(url, handle, password).await?;
    let to: Handle = to.parse()?;
    let person = client.find(&to).await?.ok_or("nobody has this handle")?;

    let mut connection = client.connect(Saved::default(), 50)?;
    let message = Action::Send {
        to: Some(person.account),
        text: MessageText::new(text)?,
        entities: Vec::new(),
        reply_to: None,
        seen: None,
        silent: false,
    };
    let name = connection.send(Place::To(person.account), message)?;
    loop {
        match connection.next().await? {
            Update::Sent { message_id, conversation, seq } if message_id == name => {
                writeln!(std::io::stdout(), "sent {message_id} as {seq} of {conversation}")?;
                return Ok(());
            }
            Update::Refused { entry, error } if entry.message_id == name => {
                let why = error.map_or("refused", |error| error.code.message());
                return Err(why.into());
            }
            _ => {}
        }
    }
}

/// Signs in; if there is no such account, makes it.
async fn sign(url: &str, handle: Handle, password: Secret) -> Result<Client, ClientError> {
    let sign_in = SignIn { handle: handle.clone(), password: password.clone(), device_name: None };
    match Client::sign_in(url, &sign_in).await {
        Err(ClientError::Refused(error)) if error.code == Code::InvalidCredentials => {
            let account = SignUp { handle, password, name: None, device_name: None };
            Client::sign_up(url, &account).await
        }
        outcome => outcome,
    }
}
