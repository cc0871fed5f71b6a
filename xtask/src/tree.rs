//! The workspace as text: every source, manifest and page, read once, so that each rule is a function of a value.
//!
//! It refuses to know any rule. Paths are relative to the root and written with `/`, so a finding reads alike everywhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Never ours to judge: build output, vendored or recorded material.
const SKIPPED: &[&str] = &["target", "node_modules", "parlance-data", "testdata", "corpus"];
const READ: &[&str] = &["rs", "toml", "md", "lock"];

#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// What is read, in order of paths.
    pub(crate) files: Vec<File>,
    /// Every file and folder that is there, read or not.
    pub(crate) paths: BTreeSet<String>,
}

#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the workspace around the current folder. Not the one this was built in: a shared target folder may hold the build of
/// another checkout.
pub(crate) fn root() -> io::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let root = here.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file());
    root.map(Path::to_path_buf).ok_or_else(|| io::Error::other("not inside the workspace"))
}

impl Tree {
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = entry.path();
                let inside = relative(root, &path);
                tree.paths.insert(inside.clone());
                if entry.file_type()?.is_dir() {
                    if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                        folders.push(path);
                    }
                } else if is_read(&path, &name) {
                    tree.files.push(File { path: inside, text: fs::read_to_string(&path)? });
                }
            }
        }
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.has_extension("rs"))
    }

    /// The manifests of the members of the workspace: not the root's, not the one of `fuzz`, which is a workspace of its own.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &File> {
        self.files
            .iter()
            .filter(|file| file.path.ends_with("/Cargo.toml") && !file.path.starts_with("fuzz/"))
    }
}

impl File {
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|it| it == extension)
    }

    /// Whether all of this file is test code. `tests/` at the root holds crates, whose libraries are not.
    pub(crate) fn is_test(&self) -> bool {
        let inside = self.path.strip_prefix("tests/").unwrap_or(&self.path);
        inside.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
    }

    /// Numbered lines outside `#[cfg(test)]` items. It relies on rustfmt: an item ends with a `}` indented as it began.
    pub(crate) fn lines_outside_tests(&self) -> Vec<(usize, &str)> {
        let mut kept = Vec::new();
        let mut lines = (1..).zip(self.text.lines());
        while let Some((number, line)) = lines.next() {
            if self.is_test() {
                break;
            }
            let Some(indent) = line.strip_suffix("#[cfg(test)]") else {
                kept.push((number, line));
                continue;
            };
            let end = format!("{indent}}}");
            for (_, line) in lines.by_ref() {
                if line == end
                    || (line.starts_with(indent)
                        && line.ends_with(';')
                        && !line[indent.len()..].starts_with(' '))
                {
                    break;
                }
            }
        }
        kept
    }

    /// The first line that contains `needle`, for findings about something that was parsed without positions.
    pub(crate) fn line_of(&self, needle: &str) -> usize {
        (1..)
            .zip(self.text.lines())
            .find(|(_, line)| line.contains(needle))
            .map_or(1, |(number, _)| number)
    }
}

fn is_read(path: &Path, name: &str) -> bool {
    name.starts_with("LICENSE")
        || path.extension().is_some_and(|it| READ.iter().any(|read| it == *read))
}

fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).expect("the walk began at the root");
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(path: &str, text: &str) -> Vec<usize> {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        file.lines_outside_tests().into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn test_items_are_left_out_and_the_rest_is_kept() {
        let inline = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n";
        assert_eq!(kept("crates/x/src/lib.rs", inline), [1, 7]);
        let sibling = "fn a() {}\n#[cfg(test)]\nmod tests;\nfn c() {}\n";
        assert_eq!(kept("crates/x/src/lib.rs", sibling), [1, 4]);
        let method =
            "impl A {\n    #[cfg(test)]\n    fn b() {\n        c();\n    }\n    fn d() {}\n}\n";
        assert_eq!(kept("crates/x/src/lib.rs", method), [1, 6, 7]);
    }

    #[test]
    fn a_file_is_a_test_by_its_place() {
        for path in
            ["crates/x/src/a/tests.rs", "crates/x/tests/e2e/main.rs", "tests/sim/tests/seeds.rs"]
        {
            assert!(kept(path, "fn a() {}\n").is_empty(), "{path}");
        }
        for path in ["crates/x/src/attests.rs", "tests/sim/src/lib.rs"] {
            assert_eq!(kept(path, "fn a() {}\n"), [1], "{path}");
        }
    }
}
