//! Recognizes a patch in JSON whose quotation marks a shell has removed, or has not removed.
//!
//! Some of these patches are valid YAML: `{replicas:6}` is an object with the key `replicas:6` and no
//! value. The server would refuse it because of an unknown field, or would remove such a key.

use granit_parser::{Event, Parser, ScalarStyle};

use super::Error;

/// Returns the error for a patch that is JSON apart from its quotation marks.
pub(super) fn check(text: &str) -> Option<Error> {
    let inside = text.trim_start().strip_prefix(['{', '['])?;
    if inside
        .trim_start_matches(['{', '[', ' '])
        .starts_with("\\\"")
    {
        let message = "the patch has a backslash before its first quotation mark";
        return Some(Error::usage(message).with_hint(
            "remove the backslashes, because the shell keeps them inside single quotes; or put the \
             patch into a file, and use -f FILE",
        ));
    }
    let is_json = !text.contains(['"', '\'']) && has_colon_without_space(text);
    is_json.then(|| {
        Error::usage("the patch is JSON without its quotation marks").with_hint(
            "the shell may have removed them: put the patch into a file, and use -f FILE, or write \
             YAML with a space after each colon",
        )
    })
}

/// Reports whether YAML reads `name:value` as a key without a value, or cannot read `name:{`.
fn has_colon_without_space(text: &str) -> bool {
    let mut parser = Parser::new_from_str(text);
    let mut follows_colon = false;
    while let Some(event) = parser.next_event() {
        let Ok((event, span)) = event else {
            return text.contains(":{") || text.contains(":[");
        };
        let Event::Scalar(text, ScalarStyle::Plain, ..) = event else {
            follows_colon = false;
            continue;
        };
        if span.is_empty() && follows_colon {
            return true;
        }
        follows_colon = text.contains(':');
    }
    false
}

/// Returns the remedy for a patch that is only a text.
pub(super) fn remedy_for_text(text: &str) -> &'static str {
    if text.trim_start().starts_with(['{', '[']) {
        "remove the quotation marks around the patch: it is a string that contains a patch"
    } else if text.contains(':') {
        "write a space after each colon"
    } else {
        "write an object, or an array of JSON patch operations; use -f for the name of a file"
    }
}

#[cfg(test)]
mod tests {
    use super::super::Document;

    fn refusal(text: &str) -> Option<String> {
        let error = Document::parse(text.as_bytes()).err()?;
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        Some(error.to_string())
    }

    #[test]
    fn json_without_its_quotation_marks_is_refused() {
        for text in [
            "{spec:{replicas:6}}",
            "{data:{password:hunter2}}",
            "{data:{a:b c,d:}}",
            "[{op:replace,path:/spec/replicas,value:6}]",
            "{metadata:{finalizers:[]}}",
            "{a: {b:null}}",
        ] {
            let expected = "error: the patch is JSON without its quotation marks";
            assert_eq!(refusal(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn json_with_escaped_quotes_is_refused() {
        for text in [
            r#"{\"spec\":{\"replicas\":6}}"#,
            r#" [ {\"op\":\"remove\",\"path\":\"/a\"}]"#,
        ] {
            let expected = "error: the patch has a backslash before its first quotation mark";
            assert_eq!(refusal(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn yaml_that_means_what_it_says_is_accepted() {
        for (text, json) in [
            ("{spec: {replicas: 6}}", r#"{"spec":{"replicas":6}}"#),
            (
                "{image: nginx:1.2, x: }",
                r#"{"image":"nginx:1.2","x":null}"#,
            ),
            (r#"{"a:b": }"#, r#"{"a:b":null}"#),
            ("[a:b, {c: d:e}]", r#"["a:b",{"c":"d:e"}]"#),
            ("{x: a:b, ? c}", r#"{"x":"a:b","c":null}"#),
            ("a:b:", r#"{"a:b":null}"#),
        ] {
            let document = Document::parse(text.as_bytes()).unwrap();
            assert_eq!(document.bytes, json.as_bytes(), "{text}");
        }
    }
}
