//! What a request asks for: which service, which operation, who calls, and about what.

use bytes::Bytes;
use http::{HeaderMap, Method, request::Parts};
use serde_json::Value;

/// A simulated service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Ecs,
    SecretsManager,
    S3,
    Sts,
    ElasticLoadBalancing,
    Autoscaling,
}

impl Service {
    /// The name that IAM actions, signatures and call records use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::SecretsManager => "secretsmanager",
            Self::S3 => "s3",
            Self::Sts => "sts",
            Self::ElasticLoadBalancing => "elasticloadbalancing",
            Self::Autoscaling => "application-autoscaling",
        }
    }
}

/// Who signed a request, as far as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signer {
    pub(crate) access_key: String,
    pub(crate) region: String,
    service: String,
}

/// The part of a request that only its service understands.
#[derive(Debug)]
pub(crate) enum Payload {
    /// AWS JSON 1.1: the whole body.
    Json,
    /// The query protocol.
    Form(Vec<(String, String)>),
    /// S3's REST.
    Rest(RestTarget),
}

/// An S3 request line, whichever way it names the bucket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RestTarget {
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) query: Vec<(String, String)>,
}

/// A request, understood as far as the frame needs it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) signer: Option<Signer>,
    pub(crate) payload: Payload,
    pub(crate) resource: Option<String>,
}

impl Incoming {
    /// Understands a request. Anything that is not AWS JSON or a form of the query protocol is S3.
    pub(crate) fn read(parts: &Parts, body: &Bytes) -> Self {
        let query = decode_form(parts.uri.query().unwrap_or_default());
        let signer = Signer::of(&parts.headers, &query);
        if let Some(target) = header(&parts.headers, "x-amz-target") {
            let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
            let service = match prefix {
                "secretsmanager" => Some(Service::SecretsManager),
                "AmazonEC2ContainerServiceV20141113" => Some(Service::Ecs),
                "AnyScaleFrontendService" => Some(Service::Autoscaling),
                _ => None,
            };
            let (service, known) = (service.unwrap_or(Service::Ecs), service.is_some());
            let operation = if known { operation.to_owned() } else { target.to_owned() };
            let resource = resource_of(body);
            return Self { service, operation, signer, payload: Payload::Json, resource };
        }
        let form = header(&parts.headers, "content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if form || signer.as_ref().is_some_and(|signer| signer.service == "sts") {
            let mut fields = decode_form(&String::from_utf8_lossy(body));
            fields.extend(query);
            let operation = field(&fields, "Action").unwrap_or_default().to_owned();
            let resource = field(&fields, "RoleArn").or_else(|| field(&fields, "TargetGroupArn"));
            let resource = resource.map(str::to_owned);
            let balancing = signer.as_ref().is_some_and(|signer| signer.service == "elasticloadbalancing");
            return Self {
                service: if balancing { Service::ElasticLoadBalancing } else { Service::Sts },
                operation,
                signer,
                payload: Payload::Form(fields),
                resource,
            };
        }
        let target = RestTarget::of(parts, query);
        let operation = s3_operation(&parts.method, &target, &parts.headers).to_owned();
        let resource = target.bucket.as_ref().map(|bucket| match &target.key {
            Some(key) => format!("{bucket}/{key}"),
            None => bucket.clone(),
        });
        Self { service: Service::S3, operation, signer, payload: Payload::Rest(target), resource }
    }
}

impl Signer {
    /// Reads the credential scope of an `Authorization` header or of a presigned URL. The signature itself is not
    /// checked: the simulator has no secret keys.
    fn of(headers: &HeaderMap, query: &[(String, String)]) -> Option<Self> {
        let credential = match header(headers, "authorization") {
            Some(value) => value.split_once("Credential=")?.1.split([',', ' ']).next()?,
            None => field(query, "X-Amz-Credential")?,
        };
        let mut scope = credential.split('/');
        let access_key = scope.next()?.to_owned();
        let region = scope.nth(1)?.to_owned();
        let service = scope.next()?.to_owned();
        Some(Self { access_key, region, service })
    }

    /// The account that owns the access key. The simulator's convention: a key of 12 digits is that account, and
    /// the temporary keys that `AssumeRole` hands out carry it after `ASIA`.
    pub(crate) fn account<'a>(&'a self, default: &'a str) -> &'a str {
        let digits = self.access_key.strip_prefix("ASIA").unwrap_or(&self.access_key);
        let own = digits.get(..12).filter(|head| head.bytes().all(|byte| byte.is_ascii_digit()));
        let whole = digits.len() == 12 || self.access_key.starts_with("ASIA");
        own.filter(|_| whole).unwrap_or(default)
    }

    /// Whether the key stands for expired credentials.
    pub(crate) fn expired(&self) -> bool {
        self.access_key.starts_with("AKIAEXPIRED")
    }
}

impl RestTarget {
    /// Path style (`/bucket/key`) or virtual-host style (`bucket.s3.localhost`, `bucket.localhost`).
    fn of(parts: &Parts, query: Vec<(String, String)>) -> Self {
        let path = percent_decode(parts.uri.path().trim_start_matches('/'));
        let host = header(&parts.headers, "host").or(parts.uri.host()).unwrap_or_default();
        let (bucket, key) = match virtual_bucket(host) {
            Some(bucket) => (bucket.to_owned(), path),
            None => match path.split_once('/') {
                Some((bucket, key)) => (bucket.to_owned(), key.to_owned()),
                None => (path, String::new()),
            },
        };
        let filled = |text: String| (!text.is_empty()).then_some(text);
        Self { bucket: filled(bucket), key: filled(key), query }
    }
}

fn virtual_bucket(host: &str) -> Option<&str> {
    let name = host.split(':').next()?;
    let bucket = name.strip_suffix(".localhost")?;
    let bucket = bucket.strip_suffix(".s3").unwrap_or(bucket);
    (!bucket.is_empty() && bucket != "s3").then_some(bucket)
}

/// The name AWS gives to an S3 request, for call records and fault rules.
fn s3_operation(method: &Method, target: &RestTarget, headers: &HeaderMap) -> &'static str {
    let asks = |name: &str| field(&target.query, name).is_some();
    match (method.as_str(), target.bucket.is_some(), target.key.is_some()) {
        ("GET", false, _) => "ListBuckets",
        ("GET", true, false) if asks("versioning") => "GetBucketVersioning",
        ("GET", true, false) if asks("versions") => "ListObjectVersions",
        ("GET", true, false) if asks("location") => "GetBucketLocation",
        ("GET", true, false) if asks("list-type") => "ListObjectsV2",
        ("GET", true, false) => "ListObjects",
        ("PUT", true, false) if asks("versioning") => "PutBucketVersioning",
        ("PUT", true, false) => "CreateBucket",
        ("HEAD", true, false) => "HeadBucket",
        ("DELETE", true, false) => "DeleteBucket",
        ("POST", true, false) if asks("delete") => "DeleteObjects",
        ("GET", true, true) => "GetObject",
        ("HEAD", true, true) => "HeadObject",
        ("PUT", true, true) if headers.contains_key("x-amz-copy-source") => "CopyObject",
        ("PUT", true, true) => "PutObject",
        ("DELETE", true, true) => "DeleteObject",
        _ => "Unknown",
    }
}

/// The one thing that a JSON call is about, in the order of how precisely the field names it.
fn resource_of(body: &[u8]) -> Option<String> {
    const FIELDS: [&str; 12] = [
        "service",
        "services",
        "serviceName",
        "serviceDeploymentArn",
        "serviceDeploymentArns",
        "taskDefinition",
        "family",
        "resourceArn",
        "SecretId",
        "ResourceId",
        "ResourceIds",
        "cluster",
    ];
    let body: Value = serde_json::from_slice(body).ok()?;
    FIELDS.iter().find_map(|name| match body.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
        _ => None,
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

/// The fields of a query or a form.
pub(crate) fn decode_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| percent_decode(&text.replace('+', " "));
            (decode(name), decode(value))
        })
        .collect()
}

/// `%20` and its like as what they stand for.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let [first, rest @ ..] = bytes {
        let escaped = (*first == b'%').then(|| rest.get(..2)).flatten();
        let decoded = escaped
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        out.push(decoded.unwrap_or(*first));
        bytes = if decoded.is_some() { &rest[2..] } else { rest };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: http::Request<&'static str>) -> Incoming {
        let (parts, body) = request.into_parts();
        Incoming::read(&parts, &Bytes::from_static(body.as_bytes()))
    }

    fn signed(access_key: &str, service: &str) -> http::request::Builder {
        http::Request::builder().header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={access_key}/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
            ),
        )
    }

    #[test]
    fn a_target_header_names_ecs_and_its_operation() {
        let incoming = read(
            signed("111122223333", "ecs")
                .method("POST")
                .header("x-amz-target", "AmazonEC2ContainerServiceV20141113.DescribeServices")
                .body(r#"{"cluster":"main","services":["a","b"]}"#)
                .unwrap(),
        );
        assert_eq!((incoming.service, incoming.operation.as_str()), (Service::Ecs, "DescribeServices"));
        assert_eq!(incoming.resource.as_deref(), Some("a,b"));
        let signer = incoming.signer.unwrap();
        assert_eq!((signer.region.as_str(), signer.account("0")), ("eu-west-1", "111122223333"));
    }

    #[test]
    fn the_access_key_names_the_account() {
        let account = |key: &str| {
            let signer = read(signed(key, "s3").uri("/").body("").unwrap()).signer.unwrap();
            signer.account("000000000000").to_owned()
        };
        assert_eq!(account("444455556666"), "444455556666");
        assert_eq!(account("ASIA444455556666XYZ"), "444455556666");
        assert_eq!(account("AKIAIOSFODNN7EXAMPLE"), "000000000000");
        assert_eq!(account("4444555566667"), "000000000000");
    }

    #[test]
    fn a_form_is_sts() {
        let incoming = read(
            signed("111122223333", "sts")
                .method("POST")
                .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
                .body("Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx")
                .unwrap(),
        );
        assert_eq!((incoming.service, incoming.operation.as_str()), (Service::Sts, "AssumeRole"));
        assert_eq!(incoming.resource.as_deref(), Some("arn:aws:iam::1:role/x"));
    }

    #[test]
    fn a_bucket_is_named_by_the_path_or_by_the_host() {
        let target = |host: &str, path: &str| match read(
            signed("1", "s3").uri(path).header("host", host).body("").unwrap(),
        )
        .payload
        {
            Payload::Rest(target) => (target.bucket, target.key),
            other => panic!("not S3: {other:?}"),
        };
        let expected = (Some("tfs".to_owned()), Some("prod/a b.tfstate".to_owned()));
        assert_eq!(target("127.0.0.1:4567", "/tfs/prod/a%20b.tfstate"), expected);
        assert_eq!(target("tfs.s3.localhost:4567", "/prod/a%20b.tfstate"), expected);
        assert_eq!(target("tfs.localhost", "/prod/a%20b.tfstate"), expected);
        assert_eq!(target("localhost", "/"), (None, None));
    }
}
