//! From a query's text to its tree.
//!
//! Words side by side are joined by AND, which binds closer than OR; NOT binds
//! closest.

use super::{Condition, Node};
use crate::virustotal::refusal::Refusal;

/// Nesting beyond this is refused, so that no query can exhaust the stack.
const DEEPEST: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    /// `name:value`, or a word without a colon.
    Word(String),
}

/// Parses a query. `now` is what relative dates count from, in Unix seconds.
pub(crate) fn parse(text: &str, now: i64) -> Result<Node, Refusal> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(Refusal::bad_request("Empty query"));
    }
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        depth: 0,
        now,
    };
    let node = parser.either()?;
    if parser.at < tokens.len() {
        return Err(Refusal::bad_request("Invalid query: unbalanced \")\""));
    }
    let hashes = tokens.iter().any(|token| is_hash(token).is_some());
    if hashes && tokens.len() > 1 {
        return Err(Refusal::bad_request(
            "Operators and modifiers cannot be combined with a hash",
        ));
    }
    Ok(node)
}

fn is_hash(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word)
            if matches!(word.len(), 32 | 40 | 64)
                && word.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            Some(word)
        }
        _ => None,
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => {
                tokens.push(if first == '(' {
                    Token::Open
                } else {
                    Token::Close
                });
                1
            }
            _ => {
                let (word, length) = word(rest)?;
                tokens.push(match word.as_str() {
                    "AND" => Token::And,
                    "OR" => Token::Or,
                    "NOT" => Token::Not,
                    _ => Token::Word(word),
                });
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A word up to a space or bracket, with its quoted part unquoted, and how
/// many bytes it took.
fn word(text: &str) -> Result<(String, usize), Refusal> {
    let mut word = String::new();
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' | ')' if !quoted => return Ok((word, at)),
            c if c.is_whitespace() && !quoted => return Ok((word, at)),
            c => word.push(c),
        }
    }
    if quoted {
        return Err(Refusal::bad_request("Invalid query: a quote is not closed"));
    }
    Ok((word, text.len()))
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    now: i64,
}

impl Parser<'_> {
    fn next_is(&mut self, token: &Token) -> bool {
        let is = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(is);
        is
    }

    fn either(&mut self) -> Result<Node, Refusal> {
        let mut list = vec![self.both()?];
        while self.next_is(&Token::Or) {
            list.push(self.both()?);
        }
        Ok(alone(list, Node::Any))
    }

    fn both(&mut self) -> Result<Node, Refusal> {
        let mut list = vec![self.one()?];
        loop {
            let joined = self.next_is(&Token::And);
            let ends = matches!(
                self.tokens.get(self.at),
                None | Some(Token::Or | Token::Close)
            );
            if ends && !joined {
                return Ok(alone(list, Node::All));
            }
            list.push(self.one()?);
        }
    }

    fn one(&mut self) -> Result<Node, Refusal> {
        let token = self.tokens.get(self.at);
        self.at += 1;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Refusal::bad_request("Query too complex"));
        }
        let node = match token {
            Some(Token::Not) => Node::Not(Box::new(self.one()?)),
            Some(Token::Open) => {
                let inner = self.either()?;
                if !self.next_is(&Token::Close) {
                    return Err(Refusal::bad_request("Invalid query: unbalanced \"(\""));
                }
                inner
            }
            Some(word @ Token::Word(text)) => Node::Is(match text.split_once(':') {
                Some((name, value)) => Condition::read(name, value, self.now)?,
                None => match is_hash(word) {
                    Some(hash) => Condition::Hash(hash.to_ascii_lowercase()),
                    None => {
                        return Err(Refusal::bad_request(format!(
                            "Invalid query: the stand-in searches no free text (\"{text}\")"
                        )));
                    }
                },
            }),
            _ => return Err(Refusal::bad_request("Invalid query: something is missing")),
        };
        self.depth -= 1;
        Ok(node)
    }
}

fn alone(mut list: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match (list.pop(), list.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            list.extend(last);
            many(list)
        }
    }
}
