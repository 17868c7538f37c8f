//! One core for who answers, another for who asks: a scheduler that moves the two about would be measured, too.

use std::fmt;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that this process may use.
#[derive(Clone, Copy)]
pub struct Cores {
    all: CpuSet,
    pair: Option<Pair>,
}

#[derive(Clone, Copy)]
struct Pair {
    server: usize,
    load: usize,
}

/// As long as it lives, the thread that made it stays on its core.
pub struct Pinned(Option<CpuSet>);

impl Cores {
    /// Looks at what the machine gives this process.
    pub fn find() -> Self {
        let all = sched_getaffinity(None).unwrap_or_default();
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        let pair = match (cores.next(), cores.next_back()) {
            (Some(server), Some(load)) => Some(Pair { server, load }),
            // On a single core both take turns; the ratio stays fair, the rates do not.
            _ => None,
        };
        Self { all, pair }
    }

    /// Puts this thread onto the core of the server.
    pub fn on_server(&self) -> Pinned {
        self.pin(|pair| pair.server)
    }

    /// Puts this thread onto the core of the load generator.
    pub fn on_load(&self) -> Pinned {
        self.pin(|pair| pair.load)
    }

    fn pin(&self, choose: impl Fn(Pair) -> usize) -> Pinned {
        let Some(pair) = self.pair else { return Pinned(None) };
        let mut one = CpuSet::new();
        one.set(choose(pair));
        // Where it is not allowed the threads stay free, as on a single core.
        Pinned(sched_setaffinity(None, &one).is_ok().then_some(self.all))
    }
}

impl Pinned {
    /// Stays for as long as the thread lives.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(all) = &self.0 {
            let _ = sched_setaffinity(None, all);
        }
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pair {
            Some(pair) => write!(f, "server on core {}, load on core {}", pair.server, pair.load),
            None => {
                f.write_str("one core only: server and load take turns, so that only ratios mean something")
            }
        }
    }
}
