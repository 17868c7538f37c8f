/// One command of the walk and what must come of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The line of the README, from 1.
    pub line: usize,
    /// Started and left running; what is printed must appear before the next step. The last command of a
    /// `walk:background` block is such a one.
    pub background: bool,
    pub command: String,
    pub expected: Vec<String>,
}

const WALK: &str = "<!-- walk -->";
const BACKGROUND: &str = "<!-- walk:background -->";

/// The steps of a document: the fenced blocks right below a `walk` comment.
///
/// In a block a line that begins with `$ ` is a command; it goes on while its lines end in a backslash, or on lines
/// that begin with `> `. The lines up to the next command are its output. A block without a `$ ` is one command that
/// prints nothing that matters.
pub fn steps(document: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = document.lines().enumerate();
    let mut marker = "";
    while let Some((number, line)) = lines.next() {
        if line.starts_with("```") {
            let body: Vec<(usize, &str)> =
                lines.by_ref().take_while(|(_, line)| !line.starts_with("```")).collect();
            if marker == WALK || marker == BACKGROUND {
                steps.extend(block(&body, marker == BACKGROUND, number));
            }
            marker = "";
        } else if !line.trim().is_empty() {
            marker = line.trim();
        }
    }
    steps
}

fn block(body: &[(usize, &str)], background: bool, number: usize) -> Vec<Step> {
    if !body.iter().any(|(_, line)| line.starts_with("$ ")) {
        let command = body.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
        let expected = vec![super::expected::ANYTHING.to_owned()];
        return vec![Step { line: number + 1, background, command, expected }];
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for &(number, line) in body {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                line: number + 1,
                background,
                command: command.to_owned(),
                expected: Vec::new(),
            });
            goes_on = command.ends_with('\\');
            continue;
        }
        let Some(step) = steps.last_mut() else { panic!("line {}: output before a command", number + 1) };
        let continuation = line.strip_prefix("> ");
        if goes_on || (continuation.is_some() && step.expected.is_empty()) {
            step.command.push('\n');
            step.command.push_str(continuation.unwrap_or(line));
            goes_on = line.ends_with('\\');
        } else {
            step.expected.push(line.to_owned());
        }
    }
    let last = steps.len() - 1;
    for (at, step) in steps.iter_mut().enumerate() {
        step.background &= at == last;
        while step.expected.last().is_some_and(String::is_empty) {
            step.expected.pop();
        }
    }
    steps
}

#[test]
fn only_marked_blocks_are_steps() {
    let document = "\
```console
$ not this one
```

<!-- walk:background -->
```console
$ make
$ carnet serve \\
    --listen 127.0.0.1:8080
ready
```
Then:
<!-- walk -->

```console
$ one
1
…
$ two <<END
> in
> END
2

```
";
    let step = |line, background, command: &str, expected: &[&str]| Step {
        line,
        background,
        command: command.to_owned(),
        expected: expected.iter().map(|&line| line.to_owned()).collect(),
    };
    assert_eq!(
        steps(document),
        [
            step(7, false, "make", &[]),
            step(8, true, "carnet serve \\\n    --listen 127.0.0.1:8080", &["ready"]),
            step(16, false, "one", &["1", "…"]),
            step(19, false, "two <<END\nin\nEND", &["2"]),
        ]
    );
}
