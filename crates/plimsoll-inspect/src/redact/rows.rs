//! The table of detectors. One row each: what it is called, what it looks like, how it is recognised,
//! and by which bytes the prefilter finds it.
//!
//! Only forms with a structure or a checksum are here. A password in a sentence is not: guessing would
//! cost more false alarms than it is worth, and the placeholder would hide ordinary text.

use super::digits::{card, iban};
use super::shape::{
    Ahead, Verdict, at_least, at_least_dotted, aws_secret_named, exactly, is_base64url, is_mixed, jwt,
    openai_legacy, pem,
};
use crate::key;

/// A detector.
#[derive(Clone, Copy)]
pub struct Detector {
    /// Its name in placeholders, reports and configuration.
    pub id: &'static str,
    pub title: &'static str,
    /// What it finds, in words.
    pub finds: &'static str,
    /// Whether it is on without being asked for.
    pub default: bool,
    /// Each form: where it may begin, and how it is recognised.
    pub(crate) forms: &'static [Form],
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detector").field("id", &self.id).finish_non_exhaustive()
    }
}

/// One form of a secret.
pub(crate) struct Form {
    /// The bytes one of which comes first.
    pub(crate) starts: &'static [u8],
    /// How the prefilter finds it.
    pub(crate) anchor: Anchor,
    pub(crate) recognise: fn(Ahead<'_>) -> Verdict,
}

/// Bytes that every instance holds.
pub(crate) enum Anchor {
    /// Any of these, this many bytes behind the beginning.
    Literals(&'static [&'static str], usize),
    /// At least four digits at a position divisible by four; see [`prefilter`](super::prefilter).
    Digits,
    /// Two capitals and two digits.
    Country,
}

use Anchor::{Country, Digits, Literals};

fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

fn word(b: u8) -> bool {
    is_base64url(b)
}

fn any(_: &[u8]) -> bool {
    true
}

/// A prefix and a fixed number of characters.
macro_rules! exactly {
    ($prefix:literal, $class:expr, $len:literal, $check:expr) => {
        Form {
            starts: $prefix.as_bytes().split_at(1).0,
            anchor: Literals(&[$prefix], 0),
            recognise: |ahead| exactly(ahead, $prefix.as_bytes(), $class, $len, $check),
        }
    };
}

/// A prefix and at least so many characters.
macro_rules! at_least {
    ($prefix:literal, $class:expr, $min:literal, $check:expr) => {
        Form {
            starts: $prefix.as_bytes().split_at(1).0,
            anchor: Literals(&[$prefix], 0),
            recognise: |ahead| at_least(ahead, $prefix.as_bytes(), $class, $min, $check),
        }
    };
}

macro_rules! gitlab {
    ($prefix:literal) => {
        Form {
            starts: $prefix.as_bytes().split_at(1).0,
            anchor: Literals(&[$prefix], 0),
            recognise: |ahead| at_least_dotted(ahead, $prefix.as_bytes(), 20, has_digit),
        }
    };
}

macro_rules! named_aws_secret {
    ($name:literal) => {
        Form {
            starts: $name.as_bytes().split_at(1).0,
            anchor: Literals(&[$name], 0),
            recognise: |ahead| aws_secret_named(ahead, $name.as_bytes()),
        }
    };
}

fn base32(b: u8) -> bool {
    matches!(b, b'A'..=b'Z' | b'2'..=b'7')
}

/// The last six characters are the CRC-32 of those between prefix and check.
fn crc_behind_prefix(token: &[u8]) -> bool {
    key::ends_with_crc(token, 4)
}

fn has_digit(token: &[u8]) -> bool {
    token.iter().any(u8::is_ascii_digit)
}

fn fine_grained(b: u8) -> bool {
    alnum(b) || b == b'_'
}

fn webhook(b: u8) -> bool {
    alnum(b) || b == b'/'
}

/// Which row is the AWS key id: a run of 40 characters just behind one is the other half of the pair.
pub(crate) const AWS_KEY_ID: &str = "aws-access-key-id";
/// The row that such a run is reported as.
pub(crate) const AWS_SECRET: &str = "aws-secret-key";

/// All detectors, in the order in which they are asked.
pub static DETECTORS: &[Detector] = &[
    Detector {
        id: "plimsoll-key",
        title: "Plimsoll key",
        finds: "`plk_` or `pla_`, 43 characters and a checksum",
        default: true,
        forms: &[exactly!("plk_", alnum, 49, key::is_key), exactly!("pla_", alnum, 49, key::is_key)],
    },
    Detector {
        id: AWS_KEY_ID,
        title: "AWS access key id",
        finds: "`AKIA` or `ASIA` and 16 base-32 characters",
        default: true,
        forms: &[exactly!("AKIA", base32, 16, any), exactly!("ASIA", base32, 16, any)],
    },
    Detector {
        id: AWS_SECRET,
        title: "AWS secret access key",
        finds: "40 characters behind `secret_access_key` (also in the spellings of SDKs and JSON), or within 80 bytes behind an access key id",
        default: true,
        forms: &[
            named_aws_secret!("secret_access_key"),
            named_aws_secret!("SECRET_ACCESS_KEY"),
            named_aws_secret!("SecretAccessKey"),
            named_aws_secret!("secretAccessKey"),
        ],
    },
    Detector {
        id: "github-token",
        title: "GitHub token",
        finds: "`ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_` with a CRC-32 checksum; `github_pat_` with its two parts",
        default: true,
        forms: &[
            exactly!("ghp_", alnum, 36, crc_behind_prefix),
            exactly!("gho_", alnum, 36, crc_behind_prefix),
            exactly!("ghu_", alnum, 36, crc_behind_prefix),
            exactly!("ghs_", alnum, 36, crc_behind_prefix),
            exactly!("ghr_", alnum, 36, crc_behind_prefix),
            // Its checksum is not published, so its shape has to do.
            exactly!("github_pat_", fine_grained, 82, |t| t[33] == b'_' && is_mixed(t)),
        ],
    },
    Detector {
        id: "gitlab-token",
        title: "GitLab token",
        finds: "`glpat-` and its kin, 20 characters or more",
        default: true,
        forms: &[gitlab!("glpat-"), gitlab!("gldt-"), gitlab!("glrt-"), gitlab!("glptt-"), gitlab!("glcbt-")],
    },
    Detector {
        id: "slack-token",
        title: "Slack token or webhook",
        finds: "`xoxb-` and its kin, `xapp-`, and webhook addresses",
        default: true,
        forms: &[
            at_least!("xoxb-", word, 24, has_digit),
            at_least!("xoxp-", word, 24, has_digit),
            at_least!("xoxa-", word, 24, has_digit),
            at_least!("xoxe-", word, 24, has_digit),
            at_least!("xoxr-", word, 24, has_digit),
            at_least!("xoxs-", word, 24, has_digit),
            at_least!("xapp-", word, 24, has_digit),
            at_least!("hooks.slack.com/services/", webhook, 40, is_mixed),
        ],
    },
    Detector {
        id: "stripe-key",
        title: "Stripe live key",
        finds: "`sk_live_`, `rk_live_`, `whsec_`; test keys are let pass",
        default: true,
        forms: &[
            at_least!("sk_live_", alnum, 20, has_digit),
            at_least!("rk_live_", alnum, 20, has_digit),
            at_least!("whsec_", alnum, 32, is_mixed),
        ],
    },
    Detector {
        id: "anthropic-key",
        title: "Anthropic key",
        finds: "`sk-ant-` and 40 characters or more",
        default: true,
        forms: &[at_least!("sk-ant-", word, 40, is_mixed)],
    },
    Detector {
        id: "openai-key",
        title: "OpenAI or OpenRouter key",
        finds: "`sk-proj-`, `sk-svcacct-`, `sk-admin-`, `sk-or-v1-`, and the first form with its marker",
        default: true,
        forms: &[
            at_least!("sk-proj-", word, 40, is_mixed),
            at_least!("sk-svcacct-", word, 40, is_mixed),
            at_least!("sk-admin-", word, 40, is_mixed),
            exactly!("sk-or-v1-", |b| b.is_ascii_hexdigit(), 64, has_digit),
            Form { starts: b"s", anchor: Literals(&["T3BlbkFJ"], 23), recognise: openai_legacy },
        ],
    },
    Detector {
        id: "google-key",
        title: "Google API key or OAuth token",
        finds: "`AIza` and 35 characters, `GOCSPX-` and 28, `ya29.` and 30 or more",
        default: true,
        forms: &[
            exactly!("AIza", word, 35, is_mixed),
            exactly!("GOCSPX-", word, 28, any),
            at_least!("ya29.", word, 30, is_mixed),
        ],
    },
    Detector {
        id: "npm-token",
        title: "npm token",
        finds: "`npm_`, 30 characters and a CRC-32 checksum",
        default: true,
        forms: &[exactly!("npm_", alnum, 36, crc_behind_prefix)],
    },
    Detector {
        id: "pypi-token",
        title: "PyPI token",
        finds: "`pypi-AgE` and 50 characters or more",
        default: true,
        forms: &[at_least!("pypi-AgE", word, 50, any)],
    },
    Detector {
        id: "jwt",
        title: "JSON Web Token",
        finds: "base64url segments of which the first decodes to JSON with `alg`",
        default: true,
        forms: &[Form { starts: b"e", anchor: Literals(&["eyJ"], 0), recognise: jwt }],
    },
    Detector {
        id: "private-key",
        title: "Private key",
        finds: "PEM or PGP blocks, also with line breaks written `\\n`",
        default: true,
        forms: &[Form { starts: b"-", anchor: Literals(&["BEGIN "], 5), recognise: pem }],
    },
    Detector {
        id: "payment-card",
        title: "Payment card number",
        finds: "an issuer's prefix and length, and Luhn's check",
        default: true,
        forms: &[Form { starts: b"23456", anchor: Digits, recognise: card }],
    },
    Detector {
        id: "iban",
        title: "Bank account (IBAN)",
        finds: "a country's length and the check by 97; off by default, because decisions need to read it",
        default: false,
        forms: &[Form { starts: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", anchor: Country, recognise: iban }],
    },
];
