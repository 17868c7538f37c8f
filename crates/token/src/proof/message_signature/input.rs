//! `Signature-Input` (RFC 9421 §4.1): which components are covered, and the parameters.

use sfv::{Dictionary, InnerList, Item, ListEntry, ListSerializer, Parser};

use super::super::ProofError;
use super::base::{Message, signature_base};
use super::name_of;
use crate::PublicKey;

/// How many components one signature may cover.
const MAX_COMPONENTS: usize = 32;

/// How many of them may ask that a field or the query be taken apart for it.
const MAX_PARSED: usize = 8;

/// One member of `Signature-Input`.
#[derive(Debug)]
pub(super) struct Input {
    pub components: Vec<Component>,
    /// The inner list with its parameters in the order of the wire: what `@signature-params` says.
    pub serialized: String,
    pub created: Option<i64>,
    pub expires: Option<i64>,
    pub nonce: Option<String>,
    pub keyid: Option<String>,
    alg: Option<String>,
}

/// A covered component: its name, and how its value is taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub name: String,
    /// The name with its parameters, as it stands in the signature base.
    pub identifier: String,
    /// Of the request, in a response.
    pub req: bool,
    /// Serialized again as a structured field.
    pub sf: bool,
    /// Each line as a byte sequence.
    pub bs: bool,
    /// One member of a dictionary.
    pub key: Option<String>,
    /// The name of a query parameter.
    pub parameter: Option<String>,
}

impl Input {
    pub fn has_tag(entry: &ListEntry, tag: &str) -> bool {
        let ListEntry::InnerList(list) = entry else { return false };
        let named = list.params.get("tag").and_then(sfv::GenericBareItem::as_string);
        named.is_some_and(|named| named.as_str() == tag)
    }

    /// Reads one member.
    pub fn of(entry: &ListEntry) -> Result<Self, ProofError> {
        let ListEntry::InnerList(list) = entry else { return Err(ProofError::Malformed) };
        if list.items.len() > MAX_COMPONENTS {
            return Err(ProofError::Malformed);
        }
        let components = list.items.iter().map(Component::of).collect::<Result<Vec<_>, _>>()?;
        if components.iter().filter(|component| !component.is_plain()).count() > MAX_PARSED {
            return Err(ProofError::Malformed);
        }
        for (at, component) in components.iter().enumerate() {
            if components[..at].iter().any(|other| other.is_same(component)) {
                return Err(ProofError::Malformed);
            }
        }
        let text = |name: &str| -> Result<Option<String>, ProofError> {
            match list.params.get(name) {
                None => Ok(None),
                Some(value) => {
                    let text = value.as_string().ok_or(ProofError::Malformed)?;
                    Ok(Some(text.as_str().to_owned()))
                }
            }
        };
        let seconds = |name: &str| -> Result<Option<i64>, ProofError> {
            match list.params.get(name) {
                None => Ok(None),
                Some(value) => value.as_integer().map(i64::from).map(Some).ok_or(ProofError::Malformed),
            }
        };
        Ok(Self {
            created: seconds("created")?,
            expires: seconds("expires")?,
            nonce: text("nonce")?,
            keyid: text("keyid")?,
            alg: text("alg")?,
            serialized: serialize(list)?,
            components,
        })
    }

    /// Reads a member that stands alone.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let labelled = format!("sig1={text}");
        let dictionary: Dictionary = Parser::new(&labelled).parse().map_err(|_| ProofError::Malformed)?;
        Self::of(dictionary.get("sig1").ok_or(ProofError::Malformed)?)
    }

    /// Whether a component without parameters is covered.
    pub fn covers(&self, name: &str) -> bool {
        self.components
            .iter()
            .any(|component| component.is_plain() && !component.req && component.name == name)
    }

    /// Whether that component of the request is covered by a signature of the response.
    pub fn covers_of_request(&self, name: &str) -> bool {
        self.components
            .iter()
            .any(|component| component.is_plain() && component.req && component.name == name)
    }

    /// Whether the signature of the request with this label is covered by a signature of the response.
    pub fn covers_signature_of_request(&self, label: &str) -> bool {
        let names = |component: &Component| {
            component.name == "signature" && component.req && component.key.as_deref() == Some(label)
        };
        self.components.iter().any(names)
    }

    /// Verifies the signature over the message by the one algorithm of the key.
    pub fn verify(&self, signature: &[u8], message: &Message<'_>, key: &PublicKey) -> Result<(), ProofError> {
        if self.alg.is_some() && self.alg.as_deref() != name_of(key.algorithm()) {
            return Err(ProofError::Alg);
        }
        let base = signature_base(self, message).map_err(|_| ProofError::Malformed)?;
        key.verify_bytes(base.as_bytes(), signature).map_err(|_| ProofError::Sig)
    }
}

impl Component {
    fn of(item: &Item) -> Result<Self, ProofError> {
        let name = item.bare_item.as_string().ok_or(ProofError::Malformed)?.as_str();
        // RFC 9421 §2.1: field names in lower case.
        let of_field = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"@-_.!#$%&'*+^`|~".contains(&byte)
        };
        if name.is_empty() || !name.bytes().all(of_field) {
            return Err(ProofError::Malformed);
        }
        let mut component = Self {
            name: name.to_owned(),
            identifier: sfv::FieldType::serialize(item),
            req: false,
            sf: false,
            bs: false,
            key: None,
            parameter: None,
        };
        for (parameter, value) in &item.params {
            let flag = value.as_boolean() == Some(true);
            let text = value.as_string().map(|text| text.as_str().to_owned());
            match parameter.as_str() {
                "req" if flag => component.req = true,
                "sf" if flag => component.sf = true,
                "bs" if flag => component.bs = true,
                "key" if text.is_some() => component.key = text,
                "name" if text.is_some() => component.parameter = text,
                // An unknown way to take a value, and `tr`: there are no trailers here.
                _ => return Err(ProofError::Malformed),
            }
        }
        let derived = name.starts_with('@');
        let structured = component.sf || component.key.is_some();
        let fits = if derived {
            !component.sf && !component.bs && component.key.is_none()
        } else {
            component.parameter.is_none() && !(structured && component.bs)
        };
        if fits { Ok(component) } else { Err(ProofError::Malformed) }
    }

    /// Parameters in another order make no other component.
    fn is_same(&self, other: &Self) -> bool {
        let value = |component: &Self| {
            (component.req, component.sf, component.bs, component.key.clone(), component.parameter.clone())
        };
        self.name == other.name && value(self) == value(other)
    }

    fn is_plain(&self) -> bool {
        !self.sf && !self.bs && self.key.is_none() && self.parameter.is_none()
    }
}

fn serialize(list: &InnerList) -> Result<String, ProofError> {
    let mut serializer = ListSerializer::new();
    let mut inner = serializer.inner_list();
    inner.items(&list.items);
    let _ = inner.finish().parameters(&list.params);
    serializer.finish().ok_or(ProofError::Malformed)
}
