//! What people see before they read any document, as a snapshot: the help of every command.
//! After a change that is meant: `INSTA_UPDATE=always cargo test -p parlance-server --test e2e surface`, and look at the difference.

use std::process::Command;

fn help(command: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_parlance"))
        .args(command)
        .arg("--help")
        .env("COLUMNS", "100")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The names of the commands that a help lists.
fn listed(help: &str) -> impl Iterator<Item = &str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help")
}

/// A help in pieces: each option with what belongs to it, and what is between them.
fn pieces(help: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for line in help.lines() {
        let is_text = !line.starts_with(' ') && !line.is_empty();
        let begins = is_text || line.starts_with("  -") || line.starts_with("      --");
        match pieces.last_mut() {
            Some(last) if !begins => {
                last.push('\n');
                last.push_str(line);
            }
            _ => pieces.push(line.to_owned()),
        }
    }
    pieces
}

#[test]
fn the_help_of_every_command() {
    let mut left = vec![(Vec::new(), Vec::new())];
    let mut all = Vec::new();
    while let Some((command, above)) = left.pop() {
        let text = help(&command);
        let own = pieces(&text);
        let mut below: Vec<_> = listed(&text)
            .map(|name| ([&command[..], &[name.to_owned()]].concat(), own.clone()))
            .collect();
        below.reverse();
        left.append(&mut below);
        all.push(format!(
            "$ parlance {}",
            [&command[..], &["--help".to_owned()]].concat().join(" ")
        ));
        // What every drill takes is shown once.
        all.extend(
            own.into_iter()
                .filter(|piece| !piece.starts_with("      --") || !above.contains(piece)),
        );
        all.push(String::new());
    }
    insta::assert_snapshot!("help", all.join("\n"));
}
