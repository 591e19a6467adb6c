use std::collections::BTreeMap;

use super::*;

#[test]
fn a_bucket_is_created_found_and_removed() {
    let mut s3 = S3::default();
    assert_eq!(refusal(&call(&mut s3, "PUT tfs", &[], b"")), (400, "IllegalLocationConstraintException"));
    assert_eq!(refusal(&call(&mut s3, "PUT TF", &[], LOCATION)), (400, "InvalidBucketName"));
    assert_eq!(call(&mut s3, "PUT tf", &[], LOCATION).status(), 400, "two letters are too few");
    let created = call(&mut s3, "PUT tfs", &[], LOCATION);
    assert_eq!((created.status().as_u16(), header(&created, "location")), (200, Some("/tfs")));
    assert_eq!(refusal(&call(&mut s3, "PUT tfs", &[], LOCATION)), (409, "BucketAlreadyOwnedByYou"));
    assert_eq!(
        text(&get(&mut s3, "GET tfs?location")),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">eu-west-1</LocationConstraint>"
    );
    let head = get(&mut s3, "HEAD tfs");
    assert_eq!((head.status().as_u16(), header(&head, "x-amz-bucket-region")), (200, Some("eu-west-1")));
    assert_eq!(elements(&get(&mut s3, "GET "), "Name"), ["tfs"]);
    assert_eq!(call(&mut s3, "PUT tfs/a", &[], b"a").status(), 200);
    assert_eq!(refusal(&get(&mut s3, "DELETE tfs")), (409, "BucketNotEmpty"));
    assert_eq!(get(&mut s3, "DELETE tfs/a").status(), 204);
    assert_eq!(get(&mut s3, "DELETE tfs").status(), 204);
    assert_eq!(refusal(&get(&mut s3, "GET tfs?list-type=2")), (404, "NoSuchBucket"));
}

#[test]
fn an_object_comes_back_with_what_was_stored_beside_it() {
    let mut s3 = with_versions();
    let sent = [
        ("content-type", "application/json"),
        ("x-amz-meta-serial", "7"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-tagging", "team=a%20b&x"),
        ("content-md5", "XUFAKrxLKna5cZ2REBfFkg=="),
    ];
    let stored = call(&mut s3, "PUT tfs/app.tfstate", &sent, b"hello");
    assert_eq!(header(&stored, "etag"), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    let version = header(&stored, "x-amz-version-id").unwrap().to_owned();
    let read = call(&mut s3, "GET tfs/app.tfstate", &[("x-amz-checksum-mode", "ENABLED")], b"");
    let headers: BTreeMap<&str, &str> =
        read.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let host_id = headers["x-amz-id-2"].to_owned();
    let expected = BTreeMap::from([
        ("accept-ranges", "bytes"),
        ("content-length", "5"),
        ("content-type", "application/json"),
        ("etag", "\"5d41402abc4b2a76b9719d911017c592\""),
        ("last-modified", "Sat, 21 Nov 2026 10:00:00 GMT"),
        ("server", "AmazonS3"),
        ("x-amz-checksum-crc64nvme", header(&stored, "x-amz-checksum-crc64nvme").unwrap()),
        ("x-amz-checksum-type", "FULL_OBJECT"),
        ("x-amz-id-2", host_id.as_str()),
        ("x-amz-meta-serial", "7"),
        ("x-amz-request-id", "4442587FB7D0A2F9"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-tagging-count", "2"),
        ("x-amz-version-id", version.as_str()),
    ]);
    assert_eq!(headers, expected);
    assert_eq!(text(&read), "hello");
    let tags = get(&mut s3, "GET tfs/app.tfstate?tagging");
    assert_eq!((elements(&tags, "Key"), elements(&tags, "Value")), (vec!["team", "x"], vec!["a b", ""]));
    let head = get(&mut s3, "HEAD tfs/app.tfstate");
    assert_eq!((head.body().len(), header(&head, "content-length")), (0, Some("5")));
}

#[test]
fn the_body_of_the_sdk_is_taken_out_of_its_framing() {
    let mut s3 = with_bucket();
    let framing = [
        ("content-encoding", "aws-chunked"),
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("x-amz-decoded-content-length", "11"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    let body = b"b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
    let stored = call(&mut s3, "PUT tfs/a", &framing, body);
    assert_eq!(header(&stored, "x-amz-checksum-crc32"), Some("DUoRhQ=="));
    let read = get(&mut s3, "GET tfs/a");
    assert_eq!((text(&read), header(&read, "content-encoding")), ("hello world", None));
    let wrong = b"b\r\nhello World\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
    assert_eq!(refusal(&call(&mut s3, "PUT tfs/a", &framing, wrong)), (400, "BadDigest"));
    assert_eq!(refusal(&call(&mut s3, "PUT tfs/a", &framing, b"b\r\nhello")), (400, "IncompleteBody"));
    assert_eq!(text(&get(&mut s3, "GET tfs/a")), "hello world");
}

#[test]
fn a_wrong_md5_is_refused() {
    let mut s3 = with_bucket();
    let wrong = [("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")];
    assert_eq!(refusal(&call(&mut s3, "PUT tfs/a", &wrong, b"hullo")), (400, "BadDigest"));
    assert_eq!(refusal(&call(&mut s3, "PUT tfs/a", &[("content-md5", "x")], b"a")), (400, "InvalidDigest"));
}

#[test]
fn the_entity_tag_under_kms_is_not_the_md5() {
    let mut s3 = with_bucket();
    let kms = [
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "alias/state"),
    ];
    let stored = call(&mut s3, "PUT tfs/a", &kms, b"hello");
    assert_ne!(header(&stored, "etag"), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    assert_eq!(header(&stored, "x-amz-server-side-encryption-aws-kms-key-id"), Some("alias/state"));
}

#[test]
fn versions_and_delete_markers_are_told_apart() {
    let mut s3 = with_versions();
    let (first, second) = (put(&mut s3, "a", "one"), put(&mut s3, "a", "two"));
    let deleted = get(&mut s3, "DELETE tfs/a");
    assert_eq!((deleted.status().as_u16(), header(&deleted, "x-amz-delete-marker")), (204, Some("true")));
    let marker = header(&deleted, "x-amz-version-id").unwrap().to_owned();
    let gone = get(&mut s3, "GET tfs/a");
    assert_eq!(refusal(&gone), (404, "NoSuchKey"));
    assert_eq!(header(&gone, "x-amz-delete-marker"), Some("true"));
    let on_marker = get(&mut s3, &format!("GET tfs/a?versionId={marker}"));
    assert_eq!(refusal(&on_marker), (405, "MethodNotAllowed"));
    assert_eq!(header(&on_marker, "allow"), Some("DELETE"));
    assert_eq!(text(&get(&mut s3, &format!("GET tfs/a?versionId={first}"))), "one");
    let unknown = "0".repeat(32);
    assert_eq!(refusal(&get(&mut s3, &format!("GET tfs/a?versionId={unknown}"))), (404, "NoSuchVersion"));
    assert_eq!(refusal(&get(&mut s3, "GET tfs/a?versionId=bad")), (400, "InvalidArgument"));
    let head = get(&mut s3, "HEAD tfs/a");
    assert_eq!((head.status().as_u16(), text(&head)), (404, ""));
    let undeleted = get(&mut s3, &format!("DELETE tfs/a?versionId={marker}"));
    assert_eq!(header(&undeleted, "x-amz-delete-marker"), Some("true"));
    assert_eq!(text(&get(&mut s3, "GET tfs/a")), "two");
    assert_eq!(get(&mut s3, &format!("DELETE tfs/a?versionId={second}")).status(), 204);
    assert_eq!(text(&get(&mut s3, "GET tfs/a")), "one");
}

#[test]
fn a_suspended_bucket_keeps_one_null_version() {
    let mut s3 = with_bucket();
    assert_eq!(elements(&get(&mut s3, "GET tfs?versioning"), "Status"), [""; 0]);
    assert_eq!(put(&mut s3, "a", "zero"), "");
    versioning(&mut s3, "Enabled");
    let one = put(&mut s3, "a", "one");
    versioning(&mut s3, "Suspended");
    assert_eq!(elements(&get(&mut s3, "GET tfs?versioning"), "Status"), ["Suspended"]);
    assert_eq!(put(&mut s3, "a", "two"), "null");
    assert_eq!(elements(&get(&mut s3, "GET tfs?versions"), "VersionId"), ["null", one.as_str()]);
    let deleted = get(&mut s3, "DELETE tfs/a");
    assert_eq!(header(&deleted, "x-amz-version-id"), Some("null"));
    assert_eq!(elements(&get(&mut s3, "GET tfs?versions"), "VersionId"), ["null", one.as_str()]);
    let malformed = call(&mut s3, "PUT tfs?versioning", &[], b"<VersioningConfiguration>");
    assert_eq!(refusal(&malformed), (400, "MalformedXML"));
}

#[test]
fn a_range_is_a_part_and_says_which() {
    let mut s3 = with_bucket();
    put(&mut s3, "a", "0123456789");
    let part = call(&mut s3, "GET tfs/a", &[("range", "bytes=2-4")], b"");
    assert_eq!((part.status().as_u16(), text(&part)), (206, "234"));
    assert_eq!(header(&part, "content-range"), Some("bytes 2-4/10"));
    let behind = call(&mut s3, "GET tfs/a", &[("range", "bytes=10-")], b"");
    assert_eq!(refusal(&behind), (416, "InvalidRange"));
}

#[test]
fn many_are_deleted_in_one_call() {
    let mut s3 = with_versions();
    let version = put(&mut s3, "a&b", "one");
    put(&mut s3, "c", "two");
    let body = format!(
        "<Delete><Object><Key>a&amp;b</Key><VersionId>{version}</VersionId></Object>\
         <Object><Key>c</Key></Object><Object><Key>c</Key><VersionId>x</VersionId></Object></Delete>"
    );
    let answer = call(&mut s3, "POST tfs?delete", &[], body.as_bytes());
    assert_eq!(elements(&answer, "Key"), ["a&amp;b", "c", "c"]);
    assert_eq!(elements(&answer, "VersionId"), [version.as_str(), "x"]);
    assert_eq!(elements(&answer, "DeleteMarker"), ["true"]);
    assert_eq!(elements(&answer, "Code"), ["InvalidArgument"]);
    assert_eq!(refusal(&call(&mut s3, "POST tfs?delete", &[], b"<Delete/>")), (400, "MalformedXML"));
}

#[test]
fn an_old_version_can_be_copied_over_the_current_one() {
    let mut s3 = with_versions();
    let first = put(&mut s3, "a", "one");
    put(&mut s3, "a", "two");
    let source = format!("/tfs/a?versionId={first}");
    let copied = call(&mut s3, "PUT tfs/a", &[("x-amz-copy-source", &source)], b"");
    assert_eq!(elements(&copied, "LastModified"), ["2026-11-21T10:00:00.000Z"]);
    assert_eq!(header(&copied, "x-amz-copy-source-version-id"), Some(first.as_str()));
    assert_eq!(text(&get(&mut s3, "GET tfs/a")), "one");
    let itself = call(&mut s3, "PUT tfs/a", &[("x-amz-copy-source", "tfs/a")], b"");
    assert_eq!(refusal(&itself), (400, "InvalidRequest"));
}

#[test]
fn tags_are_replaced_and_removed() {
    let mut s3 = with_bucket();
    put(&mut s3, "a", "one");
    let body = b"<Tagging><TagSet><Tag><Key>k</Key><Value>&lt;v&gt;</Value></Tag></TagSet></Tagging>";
    assert_eq!(call(&mut s3, "PUT tfs/a?tagging", &[], body).status(), 200);
    assert_eq!(elements(&get(&mut s3, "GET tfs/a?tagging"), "Value"), ["&lt;v&gt;"]);
    assert_eq!(get(&mut s3, "DELETE tfs/a?tagging").status(), 204);
    assert_eq!(elements(&get(&mut s3, "GET tfs/a?tagging"), "Value"), [""; 0]);
}

#[test]
fn parts_are_joined_in_the_order_of_their_numbers() {
    let mut s3 = with_versions();
    let begun = get(&mut s3, "POST tfs/big?uploads");
    let id = elements(&begun, "UploadId")[0].to_owned();
    let one = call(&mut s3, &format!("PUT tfs/big?partNumber=1&uploadId={id}"), &[], b"hello ");
    let two = call(&mut s3, &format!("PUT tfs/big?partNumber=2&uploadId={id}"), &[], b"world");
    let part = |number: u32, etag: &str| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", etag.replace('"', "&quot;"))
    };
    let (one, two) = (header(&one, "etag").unwrap(), header(&two, "etag").unwrap());
    let complete = |s3: &mut S3, parts: String| {
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        call(s3, &format!("POST tfs/big?uploadId={id}"), &[], body.as_bytes())
    };
    assert_eq!(refusal(&complete(&mut s3, part(2, two) + &part(1, one))), (400, "InvalidPartOrder"));
    assert_eq!(refusal(&complete(&mut s3, part(1, two))), (400, "InvalidPart"));
    let done = complete(&mut s3, part(1, one) + &part(2, two));
    assert!(elements(&done, "ETag")[0].ends_with("-2&quot;"));
    assert_eq!(text(&get(&mut s3, "GET tfs/big")), "hello world");
    assert_eq!(refusal(&complete(&mut s3, part(1, one))), (404, "NoSuchUpload"));
}
