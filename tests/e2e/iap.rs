//! The IAP: other people's clients and verifiers, its start and its end, its listeners.

mod administration;
mod clients;
mod commands;
mod disaster;
mod introspection;
mod keys;
mod listeners;
mod malformed;
mod metrics;
mod mistakes;
mod nodes;
mod registration;
mod start;
mod stop;
mod verifiers;
