//! JSONPath templates, with the output of `kubectl get -o jsonpath=TEMPLATE` in kubectl 1.37.
//!
//! Both kubectl and rawpatch are compared with the table. Templates use only fields that the API server does
//! not set, and no `*` or `..` on an object with several fields, whose order is random in kubectl.

use Document::{Deployment, List, Widget};

/// A template for one of the objects, with the expected result.
pub(crate) struct Case {
    /// The object that the template is applied to.
    pub(crate) document: Document,
    /// The text after `-o jsonpath=`.
    pub(crate) template: &'static str,
    /// The result in both programs.
    pub(crate) expected: Expected,
}

/// The object of a case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Document {
    /// [`DEPLOYMENT`]: `kubectl get deployment/sleep`.
    Deployment,
    /// [`WIDGET`]: `kubectl get widget/odd`.
    Widget,
    /// Both: `kubectl get deployment/sleep widget/odd`, which kubectl wraps in a `List` of `v1`.
    List,
}

/// The result of a template.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Expected {
    /// Both programs print exactly this text.
    Prints(&'static str),
    /// rawpatch refuses the template before it sends anything, and kubectl at the latest when it renders the
    /// object. Both messages contain these words.
    Refused(&'static str),
    /// The template does not fit the object. Both messages contain these words, and stdout is empty.
    Fails(&'static str),
}

const fn prints(document: Document, template: &'static str, text: &'static str) -> Case {
    Case {
        document,
        template,
        expected: Expected::Prints(text),
    }
}

const fn refused(document: Document, template: &'static str, words: &'static str) -> Case {
    Case {
        document,
        template,
        expected: Expected::Refused(words),
    }
}

const fn fails(document: Document, template: &'static str, words: &'static str) -> Case {
    Case {
        document,
        template,
        expected: Expected::Fails(words),
    }
}

/// A resource with any fields.
pub(crate) const WIDGET_DEFINITION: &str = r#"{
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {"name": "widgets.example.com"},
  "spec": {
    "group": "example.com",
    "scope": "Namespaced",
    "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
    "versions": [
      {
        "name": "v1",
        "served": true,
        "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}
      }
    ]
  }
}"#;

/// An object with values that are rare in Kubernetes: unusual numbers and names, and nulls.
pub(crate) const WIDGET: &str = r#"{
  "apiVersion": "example.com/v1",
  "kind": "Widget",
  "metadata": {"name": "odd", "namespace": "default"},
  "spec": {
    "": "no name",
    "a.b": "dotted",
    "a b": "spaced",
    "back\\slash": "backslash",
    "größe": "groß 😀",
    "empty": "",
    "nothing": null,
    "yes": true,
    "no": false,
    "html": "<a href=\"x\">&\u2028</a>",
    "control": "\u0000\u0001\b\f\n\r\t\u001f\u007f",
    "escaped": {"<&>\u2028": "\u0000\b\f\n\r\t\u001f\u007f\u2029\"\\é😀"},
    "abc": "abc",
    "numbers": [0, -1, 1.10, 1e21, 1e-7, 0.00001, 0.0001, 123456.5, 1234567.5, -2.5e-9, 100000000000000000000, 9223372036854775807, 18446744073709551615, 3.141592653589793238, 5e-324, 1.7976931348623157e308],
    "list": ["a", "b", "c", "d", "e"],
    "nested": [[1, [2, 3]], [], [4]],
    "nulls": [null, "x", null],
    "mixed": [1, "1", 1.5, true, null, [], {}, [0], {"a": null}],
    "none": [],
    "object": {},
    "people": [
      {"name": "ann", "age": 31, "height": 1.75, "admin": true, "tags": ["x", "y"]},
      {"name": "bob", "age": 42, "height": 1.9, "admin": false, "tags": []},
      {"name": "cleo", "age": 7, "height": 1.2, "admin": false, "tags": ["z"]}
    ],
    "ages": [{"age": 1}, {"age": 2}, {}, {"age": 3}],
    "tree": {"child": {"child": {"child": {"leaf": "deep"}}}}
  }
}"#;

/// An ordinary object.
pub(crate) const DEPLOYMENT: &str = r#"{
  "apiVersion": "apps/v1",
  "kind": "Deployment",
  "metadata": {
    "name": "sleep",
    "namespace": "default",
    "labels": {"app.kubernetes.io/name": "sleep", "tier": "back-end"},
    "annotations": {"note": "line one\nline \"two\" & <three>"}
  },
  "spec": {
    "replicas": 2,
    "selector": {"matchLabels": {"app": "sleep"}},
    "template": {
      "metadata": {"labels": {"app": "sleep"}},
      "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [
          {
            "name": "sleep",
            "image": "example.com/sleep:1",
            "args": ["sleep", "1d"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
            "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}]
          },
          {"name": "log", "image": "example.com/log:2", "tty": true, "ports": [{"name": "log", "containerPort": 514}]}
        ]
      }
    }
  }
}"#;

/// The templates, each on its own line.
#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    // Paths.
    prints(Deployment, "{.metadata.name}", "sleep"),
    prints(Deployment, "{$.metadata.name}", "sleep"),
    prints(Deployment, "{@.metadata.name}", "sleep"),
    prints(Deployment, "{ .kind }", "Deployment"),
    prints(Deployment, "plain text", "plain text"),
    prints(Deployment, ".metadata.name", ".metadata.name"),
    prints(Deployment, "name={.metadata.name}, kind={.kind}!", "name=sleep, kind=Deployment!"),
    prints(Deployment, "{.metadata.missing}", ""),
    prints(Deployment, "<{.metadata.missing.deeper}>", "<>"),
    prints(Deployment, "{.metadata.name.deeper}", ""),
    prints(Deployment, r"{.metadata.labels.app\.kubernetes\.io/name}", "sleep"),
    prints(Deployment, r"{.metadata.labels['app\.kubernetes\.io/name']}", "sleep"),
    prints(Deployment, "{.metadata.labels['app.kubernetes.io/name']}", ""),
    prints(Deployment, "{['metadata']['name']}", "sleep"),
    prints(Deployment, "{['metadata'].name}", "sleep"),
    prints(Deployment, "{['kind}.x']}", "Deployment"),
    prints(Deployment, "{.metadata.name .kind}", ""),
    prints(Deployment, "{.metadata.annotations.note}", "line one\nline \"two\" & <three>"),
    prints(Deployment, "{.metadata.annotations}", r#"{"note":"line one\nline \"two\" \u0026 \u003cthree\u003e"}"#),
    prints(Deployment, "{.spec.selector.matchLabels.*}", "sleep"),
    prints(Deployment, "{.spec.selector.*.*}", "sleep"),
    prints(Deployment, "}{.kind}}", "}Deployment}"),
    prints(Deployment, r#"{.kind}{""}{.kind}"#, "DeploymentDeployment"),
    prints(Widget, "{.}", ""),
    prints(Widget, "{.spec['']}", "no name"),
    prints(Widget, "{.spec.}", "no name"),
    prints(Widget, r"{.spec.a\ b}", "spaced"),
    prints(Widget, r"{.spec.a\.b}", "dotted"),
    prints(Widget, "{.spec.größe}", "groß 😀"),
    prints(Widget, r"{.spec.back\\slash}", ""),
    prints(Widget, "{.spec.empty}|{.spec.nothing}|{.spec.none}|{.spec.object}", "|null|[]|{}"),
    prints(Widget, "{.spec.nothing.x}{.spec.nothing[0]}{.spec.nothing.*}", ""),
    prints(Widget, "{.spec.yes} {.spec.no}", "true false"),
    // Formats of values.
    prints(Widget, "{.spec.numbers[*]}", "0 -1 1.1 1e+21 1e-07 1e-05 0.0001 123456.5 1.2345675e+06 -2.5e-09 1e+20 9223372036854775807 1.8446744073709552e+19 3.141592653589793 5e-324 1.7976931348623157e+308"),
    prints(Widget, "{.spec.numbers}", "[0,-1,1.1,1e+21,1e-7,0.00001,0.0001,123456.5,1234567.5,-2.5e-9,100000000000000000000,9223372036854775807,18446744073709552000,3.141592653589793,5e-324,1.7976931348623157e+308]"),
    prints(Widget, "{.spec.html}", "<a href=\"x\">&\u{2028}</a>"),
    prints(Widget, "{.spec.mixed[*]}", r#"1 1 1.5 true null [] {} [0] {"a":null}"#),
    prints(Widget, "{.spec.mixed}", r#"[1,"1",1.5,true,null,[],{},[0],{"a":null}]"#),
    prints(Widget, "{.spec.control}", "\u{0}\u{1}\u{8}\u{c}\n\r\t\u{1f}\u{7f}"),
    prints(Widget, "{.spec.escaped}", "{\"\\u003c\\u0026\\u003e\\u2028\":\"\\u0000\\b\\f\\n\\r\\t\\u001f\u{7f}\\u2029\\\"\\\\é😀\"}"),
    prints(Widget, "{.spec.escaped.*}", "\u{0}\u{8}\u{c}\n\r\t\u{1f}\u{7f}\u{2029}\"\\é😀"),
    prints(Widget, "{.spec.people[0]}", r#"{"admin":true,"age":31,"height":1.75,"name":"ann","tags":["x","y"]}"#),
    prints(Widget, "{.spec.nested}", "[[1,[2,3]],[],[4]]"),
    prints(Widget, "{.spec.tree}", r#"{"child":{"child":{"child":{"leaf":"deep"}}}}"#),
    // Lists.
    prints(Widget, "{.spec.list[0]}", "a"),
    prints(Widget, "{.spec.list[]}", "a"),
    prints(Widget, "{.spec.list[-1]}", "e"),
    prints(Widget, "{.spec.list[-5]}", "a"),
    prints(Widget, "{.spec.list[1:3]}", "b c"),
    prints(Widget, "{.spec.list[:2]}", "a b"),
    prints(Widget, "{.spec.list[3:]}", "d e"),
    prints(Widget, "{.spec.list[-2:]}", "d e"),
    prints(Widget, "{.spec.list[:-1]}", "a b c d"),
    prints(Widget, "{.spec.list[-3:-1]}", "c d"),
    prints(Widget, "{.spec.list[::2]}", "a c e"),
    prints(Widget, "{.spec.list[1:5:3]}", "b e"),
    prints(Widget, "{.spec.list[:]}", "a b c d e"),
    prints(Widget, "{.spec.list[2:2]}", ""),
    prints(Widget, "{.spec.list[*]}", "a b c d e"),
    prints(Widget, "{.spec.list.*}", "a b c d e"),
    prints(Widget, "{.spec.nested[0][1][1]}", "3"),
    prints(Widget, "{.spec.nested[*][:]}", "1 [2,3]"),
    prints(Widget, "{.spec.nested[*].*}", "1 [2,3] 4"),
    prints(Widget, "{.spec.none[*]}|{.spec.none[:]}", "|"),
    prints(Widget, "{.spec.abc.*}", "97 98 99"),
    prints(Widget, "{.spec.nulls[*]}", "null x null"),
    prints(Deployment, "{.spec.template.spec.containers[*].name}", "sleep log"),
    prints(Deployment, "{.spec.template.spec.containers[*].ports[*].containerPort}", "8080 9090 514"),
    prints(Deployment, "{.spec.template.spec.containers[*].ports[0].name}", "http log"),
    prints(Deployment, "{.spec.template.spec.containers[0].args}", r#"["sleep","1d"]"#),
    // Unions.
    prints(Widget, "{.spec.list[0,2]}", "a c"),
    prints(Widget, "{.spec.list[0, -1]}", "a e"),
    prints(Widget, "{.spec.list[0,1:3,0]}", "a b c a"),
    prints(Widget, "{.spec['yes','no']}", "true false"),
    prints(Widget, "{.spec.people[*]['name','age']}", "ann bob cleo 31 42 7"),
    prints(Widget, "{.spec.people[0:2]['name', 'missing']}", "ann bob"),
    prints(Deployment, "{.metadata['name','namespace']}", "sleep default"),
    // Filters.
    prints(Deployment, r#"{.spec.template.spec.containers[?(@.name=="log")].image}"#, "example.com/log:2"),
    prints(Deployment, "{.spec.template.spec.containers[?(@.name=='log')].image}", "example.com/log:2"),
    prints(Deployment, "{.spec.template.spec.containers[?(@.tty)].name}", "log"),
    prints(Deployment, "{.spec.template.spec.containers[*].ports[?(@.containerPort>600)].name}", "http metrics"),
    prints(Deployment, r#"{.spec.template.spec.containers[0].env[?(@.value=="")].name}"#, ""),
    prints(Widget, "{.spec.people[?(@.age>30)].name}", "ann bob"),
    prints(Widget, "{.spec.people[?(@.age>=31)].name}", "ann bob"),
    prints(Widget, "{.spec.people[?(@.age<31)].name}", "cleo"),
    prints(Widget, "{.spec.people[?(@.age<=31)].name}", "ann cleo"),
    prints(Widget, "{.spec.people[?(@.age==42)].name}", "bob"),
    prints(Widget, "{.spec.people[?(@.age != 42)].name}", "ann cleo"),
    prints(Widget, "{.spec.people[?(@.height>1.5)].name}", "ann bob"),
    prints(Widget, "{.spec.people[?(@.admin==true)].name}", "ann"),
    prints(Widget, "{.spec.people[?(@.admin!=true)].name}", "bob cleo"),
    prints(Widget, r#"{.spec.people[?(@.name>"bob")].name}"#, "cleo"),
    prints(Widget, r#"{.spec.people[?(@.name=="b)b")].name}"#, ""),
    prints(Widget, r#"{.spec.people[?(@.name!="b\")b")].name}"#, "ann bob cleo"),
    prints(Widget, r#"{.spec.people[?("ann"==@.name)].age}"#, "31"),
    prints(Widget, "{.spec.ages[?(@.age)]}", r#"{"age":1} {"age":2} {"age":3}"#),
    prints(Widget, "{.spec.ages[?(@.age>1)].age}", "2 3"),
    prints(Widget, "{.spec.ages[?(@.missing==1)]}", ""),
    prints(Widget, r#"{.spec.list[?(@=="c")]}"#, "c"),
    prints(Widget, r#"{.spec.list[?(@>"c")]}"#, "d e"),
    prints(Widget, "{.spec.people[?(@.name==@.name)].age}", "31 42 7"),
    prints(Widget, "{.spec.people[?(@.tags[5])].name}", "ann bob cleo"),
    prints(Widget, "{.spec.people[?(@.name)].tags[*]}", "x y"),
    prints(Widget, r#"{.spec.people[?(@['name']=="ann")].age}"#, "31"),
    prints(Widget, "{.spec.people[?(@.age==-1)].name}", ""),
    prints(Widget, "{.spec.none[?(@.x)]}", ""),
    prints(Widget, "{.spec.people[0,?(@.age>40)].name}", "ann bob"),
    // Recursive descent.
    prints(Widget, "{..leaf}", "deep"),
    prints(Widget, "{.spec.tree..}", r#"{"child":{"child":{"child":{"leaf":"deep"}}}} {"child":{"child":{"leaf":"deep"}}} {"child":{"leaf":"deep"}} {"leaf":"deep"} deep"#),
    prints(Widget, "{.spec.tree..leaf}", "deep"),
    prints(Widget, "{.spec.tree..child.leaf}", "deep"),
    prints(Widget, "{.spec.list..}", r#"["a","b","c","d","e"] a b c d e"#),
    prints(Widget, "{.spec.nested..}", "[[1,[2,3]],[],[4]] [1,[2,3]] [2,3] [4]"),
    prints(Widget, "{.spec.abc..}", "abc"),
    prints(Widget, "{.spec.people..name}", "ann bob cleo"),
    prints(Widget, "{.spec.people..['name']}", "ann bob cleo"),
    prints(Widget, "{.spec...leaf}", "deep"),
    prints(Deployment, "{.spec.template.spec.containers..containerPort}", "8080 9090 514"),
    // Ranges.
    prints(Deployment, r#"{range .spec.template.spec.containers[*]}{.name}{"\t"}{.image}{"\n"}{end}"#, "sleep\texample.com/sleep:1\nlog\texample.com/log:2\n"),
    prints(Deployment, "{range .spec.template.spec.containers[*]}{.name}:{range .ports[*]} {.containerPort}{end};{end}.", "sleep: 8080 9090;log: 514;."),
    prints(Deployment, "{range .spec.template.spec.containers[*]}[{.name}]", "[sleep][log][]"),
    prints(Deployment, "{range .metadata}{.name}{end}", "sleep"),
    prints(Deployment, "{range .spec.missing[*]}never{end}always", "always"),
    prints(Deployment, "{range .spec.template.spec.containers[?(@.tty)]}{.name},{end}", "log,"),
    prints(Widget, r#"{range .spec.list[*]}{@}{","}{end}"#, "a,b,c,d,e,"),
    prints(Widget, "{range .spec.list[*]},{end}", ",,,,,"),
    prints(Widget, "{range .spec.nulls[*]}<{@}>{end}", "<<no value>><x><<no value>>"),
    prints(Widget, "{range .spec.nested[*]}({range @[*]}{@};{end}){end}", "(1;[2,3];)()(4;)"),
    prints(Widget, "{range .spec.people[*]}{.name}{range .tags[*]}-{@}{end}/", "ann-x-y/bob/cleo-z//"),
    prints(Widget, "{range .spec.people[*]}{.name}{range .tags[*]}-{.x}", "ann---bob-cleo---"),
    prints(Widget, "{range .spec.people[*]}<{range .tags[*]}{@}{end}>", "<xy><><z>>"),
    prints(Widget, "{.spec.list[*] range}{@}.{end}", "a.b.c.d.e."),
    prints(Widget, "{range .spec.people[*]}{.name}={.missing} {end}", "ann= bob= cleo= "),
    prints(Widget, "{range .spec['yes','no']}{@}!{end}", "true!false!"),
    prints(Widget, "{range @}{.kind}{end}", "Widget"),
    prints(Widget, "{range .spec.people[*]}{end}", ""),
    // Quoted text and literals.
    prints(Widget, r#"{"text"}"#, "text"),
    prints(Widget, "{'text'}", "text"),
    prints(Widget, r#"{"a\tb\nc\\d"}|"#, "a\tb\nc\\d|"),
    prints(Widget, r#"{"\"quoted\""}"#, r#""quoted""#),
    prints(Widget, r"{'it\'s'}", "it's"),
    prints(Widget, r#"{"\u00e9\x41\101\U0001F600"}"#, "éAA😀"),
    prints(Widget, r#"{"\a\b\f\r\v"}"#, "\u{7}\u{8}\u{c}\r\u{b}"),
    prints(Widget, r#"{"größe"}"#, "größe"),
    prints(Widget, r#"{"{}"}"#, "{}"),
    prints(Widget, r#"{.kind "x"}"#, "x"),
    prints(Widget, "{1}{1.50}{-3}{true}{+7}", "11.5-3true7"),
    prints(Widget, "{99999999999999999999}", "1e+20"),
    prints(Widget, "{.spec.list[*] 1}", "1 1 1 1 1"),
    prints(Widget, r#"{"abc".*}"#, "97 98 99"),
    prints(Widget, r#"{""}"#, ""),
    // Templates that are refused.
    refused(Widget, "{", "unclosed action"),
    refused(Widget, "{.a", "unclosed action"),
    refused(Widget, "text {.a", "unclosed action"),
    refused(Widget, "{.spec.list[0}", "unterminated array"),
    refused(Widget, r#"{.spec.list["x"]}"#, r#"invalid array index "x""#),
    refused(Widget, "{.spec.list[a]}", "invalid array index a"),
    refused(Widget, "{.spec.list[1:2:3:4]}", "invalid array index 1:2:3:4"),
    refused(Widget, "{.spec.list[ 0 ]}", "invalid array index  0 "),
    refused(Widget, "{.spec.list[-]}", "array index - is not a number"),
    refused(Widget, "{.spec.list[99999999999999999999]}", "array index 99999999999999999999 is not a number"),
    refused(Widget, r#"{"text}"#, "unterminated quoted string"),
    refused(Widget, r#"{'text"}"#, "unterminated quoted string"),
    refused(Widget, r#"{"\q"}"#, r#"unquote string "\q" error invalid syntax"#),
    refused(Widget, r#"{"\'"}"#, r#"unquote string "\'" error invalid syntax"#),
    refused(Widget, r#"{.spec.people[?(@.name=="ann"]}"#, "unterminated filter"),
    refused(Widget, "{.spec.people[?(@.age>1)}", "unclosed array expect ]"),
    refused(Widget, "{.spec.people[?(@.age>1 && @.age<5)]}", "unrecognized character in action: U+0026 '&'"),
    refused(Widget, "{.spec.people[?(!@.age)]}", "unrecognized character in action: U+0021 '!'"),
    refused(Widget, "{.spec.people[?(@.age==)]}", "unrecognized character in action: U+003D '='"),
    refused(Widget, "{..*}", "unrecognized character in action: U+002A '*'"),
    refused(Widget, "{....name}", "invalid multiple recursive descent"),
    refused(Widget, "{*}", "unrecognized character in action: U+002A '*'"),
    refused(Widget, "{.a | .b}", "unrecognized character in action: U+007C '|'"),
    refused(Widget, "{\t.kind}", "unrecognized character in action: U+0009"),
    refused(Widget, "{-}", "cannot parse number -"),
    refused(Widget, "{1.2.3}", "cannot parse number 1.2.3"),
    refused(Widget, "{.kind #}", "unrecognized character in action: U+0023 '#'"),
    refused(Widget, "{.a\n}", "unclosed action"),
    refused(Widget, "{.a['b}", "unterminated array"),
    // Templates that fit no object. kubectl refuses them only when it renders the object.
    refused(Widget, "{foo}", "unrecognized identifier foo"),
    refused(Widget, "{kind}", "unrecognized identifier kind"),
    refused(Widget, "{.spec foo}", "unrecognized identifier foo"),
    refused(Widget, "{end}", "not in range, nothing to end"),
    refused(Widget, "{range .spec.list[*]}{end}{end}", "not in range, nothing to end"),
    refused(Widget, r#"{.spec.people[?(name=="ann")]}"#, "unrecognized identifier name"),
    refused(Widget, r#"{.spec.people[?(@.name="ann")]}"#, "unrecognized filter operator ="),
    refused(Widget, "{.spec.people[?(@.age<>1)]}", "unrecognized filter operator <>"),
    refused(Widget, "{.spec['a b']}", "unrecognized identifier b"),
    refused(Widget, "{.spec.people[?(@.admin==True)]}", "unrecognized identifier True"),
    // Templates that do not fit the object.
    fails(Widget, "{.spec.list[5]}", "array index out of bounds: index 5, length 5"),
    fails(Widget, "{.spec.list[-6]}", "array index out of bounds: index -1, length 5"),
    fails(Widget, "{.spec.list[1:9]}", "array index out of bounds: index 8, length 5"),
    fails(Widget, "{.spec.list[3:1]}", "starting index 3 is greater than ending index 1"),
    fails(Widget, "{.spec.list[::0]}", "step must be > 0"),
    fails(Widget, "{.spec.list[::-1]}", "step must be > 0"),
    fails(Widget, "{.spec.none[0]}", "array index out of bounds: index 0, length 0"),
    fails(Widget, "{.kind[0]}", "string is not array or slice"),
    fails(Widget, "{.spec[0]}", "map[string]interface {} is not array or slice"),
    fails(Widget, "{.spec.yes[0]}", "bool is not array or slice"),
    fails(Widget, "{.spec.numbers[0][0]}", "int64 is not array or slice"),
    fails(Widget, "{.spec.numbers[2][*]}", "float64 is not array or slice"),
    fails(Widget, "{..[0]}", "map[string]interface {} is not array or slice"),
    fails(Widget, "{.spec[?(@.a)]}", "is not array or slice and cannot be filtered"),
    fails(Widget, "{.kind[?(@.a)]}", "is not array or slice and cannot be filtered"),
    fails(Widget, "{.spec.nothing[?(@.x)]}", "<nil> is not array or slice and cannot be filtered"),
    fails(Widget, r#"{.spec.people[?(@.age=="31")]}"#, "incompatible types for comparison"),
    fails(Widget, "{.spec.people[?(@.height>1)]}", "incompatible types for comparison"),
    fails(Widget, "{.spec.people[?(@.admin<true)]}", "invalid type for comparison"),
    fails(Widget, r#"{.spec.people[?(@.tags=="x")]}"#, "invalid type for comparison"),
    fails(Widget, r#"{.spec.nulls[?(@=="x")]}"#, "invalid type for comparison"),
    fails(Widget, r#"{.spec.people[?(@.tags[*]=="x")]}"#, "can only compare one element at a time"),
    fails(Widget, "{.spec.people[?(@.age[5]==1)]}", "int64 is not array or slice"),
    fails(Widget, "{.spec.people[*].tags[0]}", "array index out of bounds: index 0, length 0"),
    fails(Widget, "text before{.spec.list[5]}", "array index out of bounds: index 5, length 5"),
    fails(Widget, "{1[0]}", "is not array or slice"),
    // A List, which kubectl get prints for several objects.
    prints(List, "{.kind} {.apiVersion}", "List v1"),
    prints(List, "{.items[*].metadata.name}", "sleep odd"),
    prints(List, r#"{range .items[*]}{.kind}/{.metadata.name}{"\n"}{end}"#, "Deployment/sleep\nWidget/odd\n"),
    prints(List, r#"{range .items[*]}{.metadata.name}{"\n"}"#, "sleep\nodd\n\n"),
    prints(List, r#"{.items[?(@.kind=="Widget")].spec.list[0]}"#, "a"),
    prints(List, "{.items[0].spec.replicas}", "2"),
    prints(List, "{.items[*].spec.replicas}", "2"),
    prints(List, "{.items[-1:].kind}", "Widget"),
    fails(List, "{.items[2].kind}", "array index out of bounds: index 2, length 2"),
    prints(List, "{.items[*].spec.template.spec.containers[*].name}", "sleep log"),
    prints(List, "{.items[*]['metadata.name', 'kind']}", "sleep odd Deployment Widget"),
    prints(List, r#"{range .items[*]}{range .spec.people[*]}{.name} {end}{.kind}{"\n"}{end}"#, "Deployment\nann bob cleo Widget\n"),
];
