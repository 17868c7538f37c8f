//! A record server on its own: it knows nothing but its companies and the IAP's address.

mod objects;
mod proofs;
mod refusals;
mod site;
