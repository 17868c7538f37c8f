//! Who may do what, in the order of the specification: owner, the object's own ACL, and only without one the
//! implicit grant.

use std::fmt;

/// A mode of Web Access Control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
    Append,
    Control,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Append, Self::Control];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Append => "Append",
            Self::Control => "Control",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::Append => 4,
            Self::Control => 8,
        }
    }
}

/// A set of modes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Modes(u8);

impl Modes {
    pub(crate) fn all() -> Self {
        Mode::ALL.into_iter().collect()
    }

    pub(crate) fn has(self, mode: Mode) -> bool {
        self.0 & mode.bit() != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every mode of `self` is in `other`. Write includes Append, as in Web Access Control.
    pub(crate) fn within(self, other: Self) -> bool {
        let other = if other.has(Mode::Write) { other | Mode::Append.into() } else { other };
        self.0 & !other.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Mode> {
        Mode::ALL.into_iter().filter(move |mode| self.has(*mode))
    }

    /// As stored: a JSON list of names.
    pub(crate) fn to_json(self) -> String {
        serde_json::Value::from(self.iter().map(Mode::name).collect::<Vec<_>>()).to_string()
    }

    pub(crate) fn from_json(text: &str) -> Option<Self> {
        let names: Vec<String> = serde_json::from_str(text).ok()?;
        names.iter().map(|name| Mode::ALL.into_iter().find(|mode| mode.name() == name)).collect()
    }
}

impl From<Mode> for Modes {
    fn from(mode: Mode) -> Self {
        Self(mode.bit())
    }
}

impl std::ops::BitOr for Modes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Mode> for Modes {
    fn from_iter<I: IntoIterator<Item = Mode>>(modes: I) -> Self {
        modes.into_iter().fold(Self::default(), |set, mode| set | mode.into())
    }
}

impl fmt::Debug for Modes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What is known of one company and one object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub is_owner: bool,
    /// The modes that the object's own ACL gives to the company; `None` without such an ACL.
    pub own_acl: Option<Modes>,
    /// The owner wrote the company's identifier into the object, and that counts on this server.
    pub is_named: bool,
}

impl Standing {
    /// The modes that the company has.
    pub(super) fn decide(self) -> Modes {
        if self.is_owner {
            // Even when the ACL leaves the owner out: nobody locks himself out of his own object.
            return Modes::all();
        }
        match self.own_acl {
            Some(granted) => granted,
            None if self.is_named => Mode::Read.into(),
            None => Modes::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Standing = Standing { is_owner: false, own_acl: None, is_named: false };

    #[test]
    fn strangers_may_do_nothing() {
        assert!(NOBODY.decide().is_empty());
    }

    #[test]
    fn the_owner_may_do_everything_even_if_the_acl_omits_it() {
        let owner = Standing { is_owner: true, own_acl: Some(Modes::default()), ..NOBODY };
        assert_eq!(owner.decide(), Modes::all());
    }

    #[test]
    fn who_is_named_may_read_and_no_more() {
        assert_eq!(Standing { is_named: true, ..NOBODY }.decide(), Mode::Read.into());
    }

    #[test]
    fn an_own_acl_switches_the_implicit_grant_off() {
        let named = Standing { is_named: true, own_acl: Some(Modes::default()), ..NOBODY };
        assert!(named.decide().is_empty());
        let granted = Standing { own_acl: Some(Mode::Append.into()), ..named };
        assert_eq!(granted.decide(), Mode::Append.into());
    }

    #[test]
    fn modes_are_stored_by_name() {
        let modes: Modes = [Mode::Control, Mode::Read].into_iter().collect();
        assert_eq!(modes.to_json(), r#"["Read","Control"]"#);
        assert_eq!(Modes::from_json(&modes.to_json()), Some(modes));
        assert_eq!(Modes::from_json(r#"["Own"]"#), None);
    }

    #[test]
    fn nobody_passes_on_more_than_he_has() {
        let read_write: Modes = [Mode::Read, Mode::Write].into_iter().collect();
        assert!(Modes::from(Mode::Read).within(read_write));
        assert!(Modes::from(Mode::Append).within(read_write));
        assert!(!Modes::from(Mode::Control).within(read_write));
        assert!(!read_write.within(Mode::Read.into()));
    }
}
