use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept back for databases, files and what the system needs.
const RESERVE: u64 = 64;
/// More than this is not asked for.
const ENOUGH: u64 = 65_536;

/// How many connections each listener may have, so that a flood on one cannot take the descriptors of the
/// others, of the health checks or of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Of the public listener.
    pub public: usize,
    /// Of the administration listener.
    pub administration: usize,
    /// Of the record server.
    pub record: usize,
}

impl Budget {
    /// Raises this process's limit of open files as far as it may, and shares it out.
    #[must_use]
    pub fn of_this_process() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let most = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
        let mut files = limit.current.unwrap_or(ENOUGH);
        if files < most && setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit }).is_ok() {
            files = most;
        }
        let budget = Self::share(files);
        tracing::debug!(files, ?budget, "connections at once");
        budget
    }

    fn share(files: u64) -> Self {
        let connections = usize::try_from(files.saturating_sub(RESERVE).min(ENOUGH)).unwrap_or(0);
        let part = |eighths: usize| (connections * eighths / 8).clamp(8, 8_192);
        Self { public: part(4), administration: part(1), record: part(2) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_listeners_together_leave_a_reserve() {
        for files in [256, 1024, 4096, 65_536] {
            let Budget { public, administration, record } = Budget::share(files);
            assert!(public + administration + record + 64 <= usize::try_from(files).unwrap(), "{files}");
            assert!(administration >= 8);
        }
        assert_eq!(Budget::share(1024), Budget { public: 480, administration: 120, record: 240 });
    }
}
