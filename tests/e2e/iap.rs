//! The IAP: other people's clients and verifiers, its start and its end, its listeners.

mod administration;
mod clients;
mod commands;
mod disaster;
mod listeners;
mod malformed;
mod mistakes;
mod nodes;
mod start;
mod stop;
mod verifiers;
