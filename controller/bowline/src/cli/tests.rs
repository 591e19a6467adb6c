use super::*;

fn filter(variables: &[(&str, &str)]) -> String {
    let get = |name: &str| {
        variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    };
    log_filter("bowline=info,warn", get).to_string()
}

#[test]
fn what_is_logged_can_be_set() {
    let usual = EnvFilter::new("bowline=info,warn").to_string();
    assert_eq!(filter(&[]), usual);
    assert_eq!(filter(&[("BOWLINE_LOG", "")]), usual);
    assert_eq!(filter(&[("BOWLINE_LOG", "debug")]), "debug");
    assert_eq!(filter(&[("RUST_LOG", "trace")]), "trace");
    assert_eq!(filter(&[("RUST_LOG", "trace"), ("BOWLINE_LOG", "debug")]), "debug");
    assert_eq!(filter(&[("BOWLINE_LOG", "bowline=loud")]), usual);
}

#[test]
fn every_variable_that_the_pages_name_is_known() {
    let pages = [
        include_str!("../../../../docs/operating.md"),
        include_str!("../../../../docs/getting-started.md"),
        include_str!("../../../../README.md"),
    ];
    let no_part = |letter: char| !(letter.is_ascii_uppercase() || letter == '_');
    let words = pages.iter().flat_map(|page| page.split(no_part));
    let named: Vec<&str> = words.filter(|word| word.starts_with("BOWLINE_")).collect();
    assert!(named.contains(&"BOWLINE_LOG"), "{named:?}");
    // An example of `tokenEnv`: whoever writes the file names that variable.
    let own = named.into_iter().filter(|name| *name != "BOWLINE_GIT_TOKEN");
    let unknown: Vec<&str> = own.filter(|name| !is_known(name)).collect();
    assert_eq!(unknown, Vec::<&str>::new());
}
