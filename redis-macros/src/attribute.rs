//! The inside of `#[command(..)]`.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, Ident, Lit, LitBool, LitStr, Path, Result, Token, parenthesized};

use crate::parse::{self, WordReader};
use crate::words;

/// What `#[command(..)]` says beside the name.
pub(crate) struct CommandAttribute {
    pub(crate) since: LitStr,
    pub(crate) complexity: LitStr,
    pub(crate) flags: Vec<Ident>,
    pub(crate) acl: Vec<Ident>,
    pub(crate) tips: Vec<Ident>,
    pub(crate) history: Vec<(LitStr, LitStr)>,
    pub(crate) deprecated: Deprecated,
    /// Whether surplus arguments are a syntax error, where the parameters do not tell.
    pub(crate) surplus_is_syntax: Option<bool>,
    /// What it touches, where the parameters do not tell.
    pub(crate) access: Option<Access>,
    /// `readonly = ..`: whether it is marked READONLY if it only reads.
    pub(crate) readonly: Option<LitBool>,
    /// `write = ..`: whether it is marked WRITE if it may write.
    pub(crate) write: Option<LitBool>,
    /// The shape of the reply, where the return type does not tell.
    pub(crate) reply: Option<Expr>,
    /// The path of the runtime.
    pub(crate) root: Option<Path>,
}

/// Since when a command should not be used, and what to use instead.
#[derive(Default)]
pub(crate) struct Deprecated {
    pub(crate) since: Option<LitStr>,
    pub(crate) replaced_by: Option<LitStr>,
}

/// What a command touches.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    None,
    Keys,
    All,
    Each,
}

impl Parse for CommandAttribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attribute = CommandAttribute {
            since: LitStr::new("", Span::call_site()),
            complexity: LitStr::new("", Span::call_site()),
            flags: Vec::new(),
            acl: Vec::new(),
            tips: Vec::new(),
            history: Vec::new(),
            deprecated: Deprecated::default(),
            surplus_is_syntax: None,
            access: None,
            readonly: None,
            write: None,
            reply: None,
            root: None,
        };
        // The name, if it is here, was read before.
        if input.peek(Lit) {
            input.parse::<Lit>()?;
            input.parse::<Option<Token![,]>>()?;
        }
        let mut reader = WordReader::new(&words::COMMAND);
        parse::comma_separated(input, |input| {
            if input.peek(LitStr) {
                return Err(input.error("the command's name comes first, and its summary is the doc comment"));
            }
            let word = reader.read(input)?;
            attribute.read(&word, input)
        })?;
        attribute.check_required()?;
        Ok(attribute)
    }
}

impl CommandAttribute {
    fn read(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<()> {
        match word.to_string().as_str() {
            "since" => self.since = parse::version(input)?,
            "complexity" => self.complexity = parse::text(input)?,
            "flags" => self.flags = parse::list(input, &words::FLAGS)?,
            "acl" => self.acl = parse::list(input, &words::CATEGORIES)?,
            "tips" => self.tips = parse::list(input, &words::TIPS)?,
            "history" => self.history = parse::history(input)?,
            "deprecated" => self.deprecated = deprecated(input)?,
            "extra" => {
                self.surplus_is_syntax = Some(choice(input, &[("syntax", true), ("arity", false)])?);
            }
            "access" => {
                let choices =
                    [("none", Access::None), ("keys", Access::Keys), ("all", Access::All), ("each", Access::Each)];
                self.access = Some(choice(input, &choices)?);
            }
            "readonly" => self.readonly = Some(parse::boolean(input)?),
            "write" => self.write = Some(parse::boolean(input)?),
            "reply" => {
                input.parse::<Token![=]>()?;
                self.reply = Some(input.parse()?);
            }
            _ => self.root = Some(parse::crate_path(input)?),
        }
        Ok(())
    }

    fn check_required(&self) -> Result<()> {
        let missing = match (self.since.value().is_empty(), self.complexity.value().is_empty()) {
            (true, true) => "`since = \"..\"` and `complexity = \"..\"`",
            (true, false) => "`since = \"..\"`, the version that brought it",
            (false, true) => "`complexity = \"..\"`, its cost in O notation",
            (false, false) => return Ok(()),
        };
        Err(Error::new(Span::call_site(), format!("a command must say {missing}: COMMAND DOCS shows it")))
    }
}

/// `(since = "..", replaced_by = "..")`
fn deprecated(input: ParseStream<'_>) -> Result<Deprecated> {
    let content;
    parenthesized!(content in input);
    let mut deprecated = Deprecated::default();
    let mut reader = WordReader::new(&words::DEPRECATED);
    parse::comma_separated(&content, |input| {
        if reader.read(input)? == "since" {
            deprecated.since = Some(parse::version(input)?);
        } else {
            deprecated.replaced_by = Some(parse::text(input)?);
        }
        Ok(())
    })?;
    Ok(deprecated)
}

/// `= word`, one of the given.
fn choice<T: Copy>(input: ParseStream<'_>, choices: &[(&str, T)]) -> Result<T> {
    input.parse::<Token![=]>()?;
    let word: Ident = input.parse()?;
    match choices.iter().find(|(name, _)| word == name) {
        Some((_, value)) => Ok(*value),
        None => {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            Err(Error::new(word.span(), format!("this must be one of {}", names.join(", "))))
        }
    }
}
