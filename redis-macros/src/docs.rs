//! Doc comments: their first paragraph is what COMMAND DOCS says about a command.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The first paragraph of the doc comment, on one line and with a period at its end.
///
/// It is the paragraph and not the sentence, because that is what rustdoc shows in its overviews and because some of
/// Redis's own summaries are two sentences.
pub(crate) fn summary(attributes: &[Attribute]) -> Option<String> {
    let text: Vec<String> = attributes.iter().filter_map(doc_text).collect();
    let paragraph: Vec<&str> = text
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| line.trim().trim_start_matches("* "))
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    let mut summary = paragraph.join(" ");
    if summary.is_empty() {
        return None;
    }
    if !summary.ends_with(['.', '!', '?']) {
        summary.push('.');
    }
    Some(summary)
}

/// The text of a `#[doc = ".."]` attribute. An empty line is kept as one.
fn doc_text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value else { return None };
    meta.path.is_ident("doc").then(|| text.value() + "\n")
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn the_summary_ends_with_the_first_paragraph() {
        let attributes: Vec<Attribute> = vec![
            parse_quote!(#[doc = " Sets a value."]),
            parse_quote!(#[doc = " Creates the key if it is absent"]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc = " More."]),
        ];
        assert_eq!(summary(&attributes).as_deref(), Some("Sets a value. Creates the key if it is absent."));
        assert_eq!(summary(&[]), None);
        assert_eq!(summary(&[parse_quote!(#[doc = " "])]), None);
    }
}
