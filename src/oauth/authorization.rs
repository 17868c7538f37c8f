/// What a grant gives: who the token speaks for, and what it may be used for. The pipeline knows the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authorization {
    /// The `sub` of the token.
    pub subject: String,
    /// Scopes in alphabetical order, separated by blanks; never empty.
    pub scope: String,
}
