//! Reads `videobalance saturation=0.0 ! textoverlay text="Hello"`: names, then `property=value`, a value perhaps in quotes.
//!
//! Nothing else is known: no caps, no bins, no references, no variables. The text comes from a stranger and is given to nobody
//! but this reader. Pure.

use super::FilterElement;
use std::iter::Peekable;
use std::str::Chars;

/// Characters of a command at most.
const LONGEST: usize = 1000;
/// Elements in a row.
const MOST_ELEMENTS: usize = 4;
/// Properties of one.
const MOST_SETTINGS: usize = 24;

/// What is wrong with a command, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCommand(String);

fn bad<T>(words: impl Into<String>) -> Result<T, BadCommand> {
    Err(BadCommand(words.into()))
}

impl FilterElement {
    /// The elements of a command, at least one.
    pub fn read_all(command: &str) -> Result<Vec<Self>, BadCommand> {
        if command.chars().count() > LONGEST {
            return bad(format!("the filter's command is longer than {LONGEST} characters"));
        }
        if command.chars().any(char::is_control) {
            return bad("the filter's command has a line break or another control character");
        }
        let mut rest = command.chars().peekable();
        let mut elements = vec![read_one(&mut rest)?];
        while rest.next_if_eq(&'!').is_some() {
            if elements.len() >= MOST_ELEMENTS {
                return bad(format!("a filter has at most {MOST_ELEMENTS} elements"));
            }
            elements.push(read_one(&mut rest)?);
        }
        Ok(elements)
    }
}

/// Up to the next `!`, or the end.
fn read_one(rest: &mut Peekable<Chars<'_>>) -> Result<FilterElement, BadCommand> {
    let name = read_name(rest)?;
    let mut settings = Vec::new();
    while skip_spaces(rest).is_some_and(|next| next != '!') {
        let property = read_name(rest)?;
        if skip_spaces(rest) != Some('=') {
            return bad(format!("after {property} of {name} comes no `=`: write `property=value`"));
        }
        rest.next();
        settings.push((property, read_value(rest)?));
        if settings.len() > MOST_SETTINGS {
            return bad(format!("{name} has more than {MOST_SETTINGS} properties set"));
        }
    }
    Ok(FilterElement { name, settings })
}

fn skip_spaces(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    while rest.next_if_eq(&' ').is_some() {}
    rest.peek().copied()
}

/// Of an element or a property.
fn read_name(rest: &mut Peekable<Chars<'_>>) -> Result<String, BadCommand> {
    skip_spaces(rest);
    let mut name = String::new();
    while let Some(letter) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_') {
        name.push(letter);
    }
    match rest.peek() {
        _ if !name.is_empty() => Ok(name),
        Some(odd) => bad(format!("{odd:?} is no name: write an element's name and `property=value`, nothing else")),
        None => bad("the filter's command ends where a name should be"),
    }
}

/// A word, or anything in quotes; a backslash takes the next one as it is.
fn read_value(rest: &mut Peekable<Chars<'_>>) -> Result<String, BadCommand> {
    let quote = match skip_spaces(rest) {
        Some(quote @ ('"' | '\'')) => {
            rest.next();
            Some(quote)
        }
        _ => None,
    };
    let mut value = String::new();
    loop {
        match (rest.peek().copied(), quote) {
            (None, Some(_)) => return bad("a quote in the filter's command is not closed"),
            (Some(end), Some(quote)) if end == quote => {
                rest.next();
                return Ok(value);
            }
            (None | Some(' ' | '!'), None) if value.is_empty() => return bad("a property of the filter has no value"),
            (None | Some(' ' | '!'), None) => return Ok(value),
            (Some(odd @ ('"' | '\'' | '(' | ')' | '{' | '}' | ';' | '=')), None) => {
                return bad(format!("{odd:?} in a value: put the value into quotes"));
            }
            (Some('\\'), _) => {
                rest.next();
                value.extend(rest.next());
            }
            (Some(letter), _) => {
                rest.next();
                value.push(letter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(command: &str) -> Vec<(String, Vec<(String, String)>)> {
        let elements = FilterElement::read_all(command).unwrap();
        elements.into_iter().map(|element| (element.name, element.settings)).collect()
    }

    fn set(settings: &[(&str, &str)]) -> Vec<(String, String)> {
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn commands_of_the_tutorials_are_read() {
        assert_eq!(read("videobalance saturation=0.0"), [("videobalance".into(), set(&[("saturation", "0.0")]))]);
        assert_eq!(read("  edgetv "), [("edgetv".into(), vec![])]);
        let text = r#"textoverlay text="Embedded text!" valignment=top font-desc="Cantarell 25" draw-shadow=false"#;
        let wanted = [
            ("text", "Embedded text!"),
            ("valignment", "top"),
            ("font-desc", "Cantarell 25"),
            ("draw-shadow", "false"),
        ];
        assert_eq!(read(text), [("textoverlay".into(), set(&wanted))]);
        assert_eq!(read("videobox left=-75 top = 20")[0].1, set(&[("left", "-75"), ("top", "20")]));
        assert_eq!(read(r#"textoverlay text='a "b"'!dicetv"#).len(), 2);
        assert_eq!(read(r#"textoverlay text="a \"b\" ü""#)[0].1[0].1, "a \"b\" ü");
    }

    #[test]
    fn hostile_commands_are_refused_in_words() {
        let long = "x".repeat(2000);
        let many = "a ! ".repeat(9);
        let set = format!("a {}", "b=1 ".repeat(99));
        for command in [
            "",
            " ",
            "!",
            "a ! ! b",
            "a !",
            "a b",
            "a b=",
            "a b= ! c",
            "a b=\"c",
            "a b='c",
            "( a )",
            "a ( b )",
            "a b=(c)",
            "a b=c;d",
            "a. ! b",
            "a ! .sink",
            "video/x-raw,width=1",
            "a b=c\nd",
            "a b=\"\0\"",
            "a\tb=c",
            "ä b=1",
            "a ä=1",
            "$HOME",
            "`ls`",
            "a b==c",
            "a b\u{202e}=1",
            "{ a }",
            "bin.( a )",
            "a name=b ! c \u{0}",
            &long,
            &many,
            &set,
        ] {
            assert!(FilterElement::read_all(command).is_err(), "{command:?}");
        }
    }

    #[test]
    fn garbage_never_panics() {
        let letters: Vec<char> = "a=!'\"\\ (){}\0\nü.-_1".chars().collect();
        let mut state = 7u32;
        for length in 0..3000usize {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                letters[(state >> 16) as usize % letters.len()]
            };
            let text: String = (0..length % 40).map(|_| next()).collect();
            if let Ok(elements) = FilterElement::read_all(&text) {
                assert!(!elements.is_empty() && elements.iter().all(|element| !element.name.is_empty()));
            }
        }
    }
}
