use super::*;

const ONE: &str = "\"f97c5d29941bfb1b2fdab0874906ab82\"";

#[test]
fn a_lock_is_taken_once() {
    let mut s3 = with_versions();
    let create = [("if-none-match", "*")];
    assert_eq!(call(&mut s3, "PUT tfs/a.tflock", &create, b"one").status(), 200);
    let second = call(&mut s3, "PUT tfs/a.tflock", &create, b"two");
    assert_eq!(refusal(&second), (412, "PreconditionFailed"));
    assert_eq!(elements(&second, "Condition"), ["If-None-Match"]);
    get(&mut s3, "DELETE tfs/a.tflock");
    assert_eq!(call(&mut s3, "PUT tfs/a.tflock", &create, b"two").status(), 200, "over a delete marker");
    let other = [("if-none-match", "\"x\"")];
    assert_eq!(refusal(&call(&mut s3, "PUT tfs/a.tflock", &other, b"")), (501, "NotImplemented"));
}

#[test]
fn a_write_can_demand_what_it_replaces() {
    let mut s3 = with_versions();
    let demand = [("if-match", ONE)];
    assert_eq!(refusal(&call(&mut s3, "PUT tfs/a", &demand, b"two")), (404, "NoSuchKey"));
    put(&mut s3, "a", "one");
    assert_eq!(call(&mut s3, "PUT tfs/a", &demand, b"two").status(), 200);
    let late = call(&mut s3, "PUT tfs/a", &demand, b"three");
    assert_eq!(refusal(&late), (412, "PreconditionFailed"));
    assert_eq!(elements(&late, "Condition"), ["If-Match"]);
    get(&mut s3, "DELETE tfs/a");
    assert_eq!(refusal(&call(&mut s3, "PUT tfs/a", &demand, b"two")), (404, "NoSuchKey"), "delete marker");
}

#[test]
fn a_deletion_can_demand_what_it_deletes() {
    let mut s3 = with_versions();
    let demand = [("if-match", ONE)];
    assert_eq!(refusal(&call(&mut s3, "DELETE tfs/a", &demand, b"")), (404, "NoSuchKey"));
    put(&mut s3, "a", "two");
    assert_eq!(refusal(&call(&mut s3, "DELETE tfs/a", &demand, b"")), (412, "PreconditionFailed"));
    put(&mut s3, "a", "one");
    assert_eq!(call(&mut s3, "DELETE tfs/a", &demand, b"").status(), 204);
    assert_eq!(refusal(&call(&mut s3, "DELETE tfs/a", &demand, b"")), (412, "PreconditionFailed"));
}

#[test]
fn a_read_can_be_spared() {
    let mut s3 = with_bucket();
    put(&mut s3, "a", "one");
    let mut read = |name, value| call(&mut s3, "GET tfs/a", &[(name, value)], b"");
    let known = read("if-none-match", ONE);
    assert_eq!((known.status().as_u16(), text(&known), header(&known, "etag")), (304, "", Some(ONE)));
    assert_eq!(text(&read("if-none-match", "\"other\"")), "one");
    assert_eq!(text(&read("if-match", ONE)), "one");
    assert_eq!(refusal(&read("if-match", "\"other\"")), (412, "PreconditionFailed"));
    assert_eq!(read("if-modified-since", "Sat, 21 Nov 2026 10:00:00 GMT").status(), 304);
    assert_eq!(read("if-modified-since", "Sat, 21 Nov 2026 09:59:59 GMT").status(), 200);
    assert_eq!(read("if-unmodified-since", "Sat, 21 Nov 2026 10:00:00 GMT").status(), 200);
    assert_eq!(read("if-unmodified-since", "Sat, 21 Nov 2026 09:59:59 GMT").status(), 412);
}

#[test]
fn a_caller_who_expects_another_owner_is_refused() {
    let mut s3 = with_bucket();
    put(&mut s3, "a", "one");
    let own = [("x-amz-expected-bucket-owner", ACCOUNT)];
    assert_eq!(call(&mut s3, "GET tfs/a", &own, b"").status(), 200);
    let other = [("x-amz-expected-bucket-owner", "999988887777")];
    assert_eq!(refusal(&call(&mut s3, "GET tfs/a", &other, b"")), (403, "AccessDenied"));
}

#[test]
fn what_is_not_served_is_refused_and_not_taken_for_something_else() {
    let mut s3 = with_bucket();
    assert_eq!(refusal(&call(&mut s3, "PUT tfs/a?acl", &[], b"")), (405, "MethodNotAllowed"));
    assert_eq!(refusal(&get(&mut s3, "GET tfs?policy")), (405, "MethodNotAllowed"));
    assert_eq!(refusal(&get(&mut s3, "POST ")), (405, "MethodNotAllowed"));
}
