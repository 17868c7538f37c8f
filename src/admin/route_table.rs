use utoipa::openapi::path::{Operation, PathItem};

use super::document;

/// One route of the administration API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The path, with `{…}` where ids stand.
    pub path: String,
    /// The method, in capital letters.
    pub method: &'static str,
    /// The scope that a token must have; none for what everybody may read.
    pub scope: Option<String>,
}

/// Every route, read from the OpenAPI document, in the order of the paths.
#[must_use]
pub fn route_table() -> Vec<Route> {
    let mut table: Vec<Route> = document::openapi()
        .paths
        .paths
        .iter()
        .flat_map(|(path, item)| {
            operations(item).into_iter().map(|(method, operation)| Route {
                path: path.clone(),
                method,
                scope: scope(operation),
            })
        })
        .collect();
    table.sort();
    table
}

pub(super) fn operations(item: &PathItem) -> Vec<(&'static str, &Operation)> {
    [
        ("GET", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("DELETE", &item.delete),
        ("OPTIONS", &item.options),
        ("HEAD", &item.head),
        ("PATCH", &item.patch),
        ("TRACE", &item.trace),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_ref().map(|operation| (method, operation)))
    .collect()
}

fn scope(operation: &Operation) -> Option<String> {
    let requirement = serde_json::to_value(operation.security.as_ref()?.first()?).ok()?;
    Some(requirement.get(document::SCHEME)?.get(0)?.as_str()?.to_owned())
}
