use super::*;

#[test]
fn objects_are_listed_in_pages_with_folded_prefixes() {
    let mut s3 = with_bucket();
    for key in ["a", "env:/dev/x", "env:/prod/x", "env:/prod/y", "z"] {
        put(&mut s3, key, "1");
    }
    let mut page = get(&mut s3, "GET tfs?list-type=2&max-keys=2&delimiter=/");
    assert_eq!((elements(&page, "Key"), elements(&page, "KeyCount")), (vec!["a"], vec!["2"]));
    assert_eq!(elements(&page, "CommonPrefixes"), ["<Prefix>env:/</Prefix>"]);
    assert_eq!(elements(&page, "IsTruncated"), ["true"]);
    let next = elements(&page, "NextContinuationToken")[0].to_owned();
    page = get(&mut s3, &format!("GET tfs?list-type=2&max-keys=2&delimiter=/&continuation-token={next}"));
    assert_eq!((elements(&page, "Key"), elements(&page, "IsTruncated")), (vec!["z"], vec!["false"]));
    page = get(&mut s3, "GET tfs?list-type=2&prefix=env:/&delimiter=/");
    assert_eq!(elements(&page, "Prefix"), ["env:/", "env:/dev/", "env:/prod/"]);
    page = get(&mut s3, "GET tfs?list-type=2&prefix=env:/prod&start-after=env:/prod/x");
    assert_eq!(elements(&page, "Key"), ["env:/prod/y"]);
    page = get(&mut s3, "GET tfs?list-type=2&continuation-token=***");
    assert_eq!(refusal(&page), (400, "InvalidArgument"));
}

#[test]
fn a_listed_object_is_described_in_full() {
    let mut s3 = with_bucket();
    put(&mut s3, "a b&c", "hello");
    let page = get(&mut s3, "GET tfs?list-type=2&encoding-type=url");
    assert_eq!(
        text(&page),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>tfs</Name><Prefix></Prefix>\
         <MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><KeyCount>1</KeyCount>\
         <IsTruncated>false</IsTruncated><Contents><Key>a%20b%26c</Key>\
         <LastModified>2026-11-21T10:00:00.000Z</LastModified>\
         <ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag>\
         <ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>\
         <Size>5</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"
    );
    assert_eq!(elements(&get(&mut s3, "GET tfs?list-type=2"), "Key"), ["a b&amp;c"]);
    assert_eq!(refusal(&get(&mut s3, "GET tfs?list-type=2&max-keys=x")), (400, "InvalidArgument"));
}

#[test]
fn versions_are_listed_newest_first_and_in_pages() {
    let mut s3 = with_versions();
    let (one, two) = (put(&mut s3, "a", "1"), put(&mut s3, "a", "2"));
    let marker = header(&get(&mut s3, "DELETE tfs/a"), "x-amz-version-id").unwrap().to_owned();
    let other = put(&mut s3, "a.tflock", "3");
    let all = get(&mut s3, "GET tfs?versions&prefix=a");
    assert_eq!(elements(&all, "VersionId"), [&marker, &two, &one, &other]);
    assert_eq!(elements(&all, "IsLatest"), ["true", "false", "false", "true"]);
    assert_eq!(elements(&all, "DeleteMarker").len(), 1);
    assert_eq!(elements(&all, "Version").len(), 3);
    let mut seen = Vec::new();
    let mut line = "GET tfs?versions&max-keys=1".to_owned();
    loop {
        let page = get(&mut s3, &line);
        seen.extend(elements(&page, "VersionId").into_iter().map(str::to_owned));
        if elements(&page, "IsTruncated") == ["false"] {
            break;
        }
        let (key, id) = (elements(&page, "NextKeyMarker")[0], elements(&page, "NextVersionIdMarker")[0]);
        line = format!("GET tfs?versions&max-keys=1&key-marker={key}&version-id-marker={id}");
    }
    assert_eq!(seen, [&marker, &two, &one, &other].map(String::as_str));
    let behind = get(&mut s3, "GET tfs?versions&key-marker=a");
    assert_eq!(elements(&behind, "VersionId"), [other.as_str()]);
    let lonely = get(&mut s3, "GET tfs?versions&version-id-marker=x");
    assert_eq!(refusal(&lonely), (400, "InvalidArgument"));
}

#[test]
fn versions_are_folded_by_the_delimiter() {
    let mut s3 = with_versions();
    put(&mut s3, "x/a", "1");
    put(&mut s3, "x/b", "1");
    put(&mut s3, "y", "1");
    let page = get(&mut s3, "GET tfs?versions&delimiter=/&max-keys=1");
    assert_eq!(elements(&page, "CommonPrefixes"), ["<Prefix>x/</Prefix>"]);
    assert_eq!((elements(&page, "Key"), elements(&page, "NextKeyMarker")), (vec![], vec!["x/"]));
    let page = get(&mut s3, "GET tfs?versions&delimiter=/&key-marker=x/");
    assert_eq!((elements(&page, "Key"), elements(&page, "CommonPrefixes")), (vec!["y"], vec![]));
}
