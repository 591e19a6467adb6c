//! The tokens by which a GitHub App says who it is: JSON web tokens signed with its private key.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

/// An RSA public key, as the bytes of its PKCS#1 form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey(Vec<u8>);

/// GitHub refuses tokens that are good for longer.
const LONGEST: i64 = 600;
/// How far the clocks may differ.
const DRIFT: i64 = 60;

/// `rsaEncryption` and its absent parameters, as they stand in a SubjectPublicKeyInfo.
const RSA_ENCRYPTION: [u8; 13] =
    [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

impl PublicKey {
    /// Reads `-----BEGIN PUBLIC KEY-----` or `-----BEGIN RSA PUBLIC KEY-----`.
    pub(super) fn from_pem(pem: &str) -> Option<Self> {
        let (head, rest) = pem.split_once("-----BEGIN ")?.1.split_once("-----")?;
        let text: String = rest.split_once("-----END ")?.0.split_whitespace().collect();
        let der = STANDARD.decode(text).ok()?;
        match head {
            "RSA PUBLIC KEY" => Some(Self(der)),
            "PUBLIC KEY" => {
                let at = der.windows(RSA_ENCRYPTION.len()).position(|part| part == RSA_ENCRYPTION)?;
                let bits = der.get(at + RSA_ENCRYPTION.len()..)?;
                // A BIT STRING: its length in one or two more bytes, and no unused bits.
                let ([0x03, 0x81, _, 0x00, content @ ..] | [0x03, 0x82, _, _, 0x00, content @ ..]) = bits
                else {
                    return None;
                };
                Some(Self(content.to_vec()))
            }
            _ => None,
        }
    }
}

/// Who a token claims to be: `iss`, an app's id. Nothing is checked yet.
pub(super) fn claimed_app(token: &str) -> Option<u64> {
    match claims(token)?.get("iss")? {
        Value::Number(id) => id.as_u64(),
        Value::String(id) => id.parse().ok(),
        _ => None,
    }
}

fn claims(token: &str) -> Option<Value> {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Option<Value> {
    let part = token.split('.').nth(index)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Checks a token at `now`, which is the wall clock's: the caller knows no other.
///
/// # Errors
/// GitHub's words for what is wrong.
pub(super) fn check(token: &str, key: &PublicKey, now: Timestamp) -> Result<(), &'static str> {
    const UNREADABLE: &str = "A JSON web token could not be decoded";
    let (signed, signature) = token.rsplit_once('.').ok_or(UNREADABLE)?;
    let header = part(token, 0).ok_or(UNREADABLE)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| UNREADABLE)?;
    if header["alg"] != "RS256" {
        return Err(UNREADABLE);
    }
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.0);
    key.verify(signed.as_bytes(), &signature).map_err(|_| UNREADABLE)?;
    let claims = claims(token).ok_or(UNREADABLE)?;
    let number = |name: &str| claims[name].as_i64();
    let issued = number("iat").filter(|issued| *issued <= now.as_second() + DRIFT).ok_or(
        "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    )?;
    let expires = number("exp").filter(|expires| *expires > now.as_second()).ok_or(
        "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    )?;
    // Counted from now, or from `iat` where that lies back to allow for drift.
    if expires > now.as_second().max(issued) + LONGEST {
        return Err("'Expiration time' claim ('exp') is too far in the future");
    }
    Ok(())
}
