use std::fmt;

use super::Spread;

/// One name of a report, with what was found or why nothing was.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Words with dots between them, from the general to the special: `token.rs256.secret`.
    pub name: String,
    /// The unit of value and yardsticks.
    pub unit: &'static str,
    /// What was found; else why it could not be measured.
    pub outcome: Result<Measured, String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The subject itself.
    pub value: Spread,
    /// What the value is to be.
    pub goal: Option<Goal>,
    /// The least that the same work costs, measured in turns with the subject.
    pub floor: Option<Yardstick>,
    /// A further yardstick, for orientation.
    pub beside: Option<Yardstick>,
    /// A sentence on how it was measured in this run, if that is not always the same.
    pub note: Option<String>,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Yardstick {
    /// What it is, in two words.
    pub what: &'static str,
    /// Its samples.
    pub spread: Spread,
    /// What the ratio of the value to it is to be.
    pub goal: Option<Goal>,
}

/// A bound that is to be kept. It informs; whether it is kept decides nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// That much or more.
    AtLeast(f64),
    /// That much or less.
    AtMost(f64),
    /// Less than that.
    Below(f64),
}

/// A goal beside what it was compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    goal: Goal,
    met: bool,
}

impl Figure {
    /// A figure that could not be had: it is reported, never left out.
    #[must_use]
    pub fn failed(name: &str, unit: &'static str, reason: impl fmt::Display) -> Self {
        Self { name: name.to_owned(), unit, outcome: Err(reason.to_string()) }
    }

    /// A figure without goal and yardstick.
    #[must_use]
    pub fn new(name: impl Into<String>, unit: &'static str, value: Spread) -> Self {
        let measured = Measured { value, goal: None, floor: None, beside: None, note: None };
        Self { name: name.into(), unit, outcome: Ok(measured) }
    }

    /// The same with a goal for its value.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        self.with(|measured| measured.goal = Some(goal))
    }

    /// The same with its floor.
    #[must_use]
    pub fn floor(self, what: &'static str, spread: Spread, goal: Option<Goal>) -> Self {
        self.with(|measured| measured.floor = Some(Yardstick { what, spread, goal }))
    }

    /// The same with a further yardstick.
    #[must_use]
    pub fn beside(self, what: &'static str, spread: Spread, goal: Option<Goal>) -> Self {
        self.with(|measured| measured.beside = Some(Yardstick { what, spread, goal }))
    }

    /// The same with a sentence on how it was measured.
    #[must_use]
    pub fn note(self, note: impl Into<String>) -> Self {
        let note = note.into();
        self.with(|measured| measured.note = Some(note))
    }

    fn with(mut self, change: impl FnOnce(&mut Measured)) -> Self {
        if let Ok(measured) = &mut self.outcome {
            change(measured);
        }
        self
    }
}

impl Measured {
    /// The value divided by a yardstick, medians both; `None` when the yardstick is zero.
    #[must_use]
    pub fn ratio(&self, yardstick: &Yardstick) -> Option<f64> {
        (yardstick.spread.median != 0.0).then(|| self.value.median / yardstick.spread.median)
    }

    /// Every goal of this figure with its verdict: the value's, the floor's, the further yardstick's.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        let of_value = self.goal.map(|goal| goal.verdict(self.value.median));
        let yardsticks = self.floor.iter().chain(&self.beside);
        let of_ratios =
            yardsticks.filter_map(|yardstick| Some(yardstick.goal?.verdict(self.ratio(yardstick)?)));
        of_value.into_iter().chain(of_ratios)
    }
}

impl Goal {
    /// The goal beside a number.
    #[must_use]
    pub fn verdict(self, number: f64) -> Verdict {
        let met = match self {
            Self::AtLeast(bound) => number >= bound,
            Self::AtMost(bound) => number <= bound,
            Self::Below(bound) => number < bound,
        };
        Verdict { goal: self, met }
    }
}

impl Verdict {
    /// Whether the goal is met.
    #[must_use]
    pub const fn is_met(self) -> bool {
        self.met
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, bound) = match self.goal {
            Goal::AtLeast(bound) => ("≥", bound),
            Goal::AtMost(bound) => ("≤", bound),
            Goal::Below(bound) => ("<", bound),
        };
        write!(f, "{sign} {}: {}", number(bound), if self.met { "met" } else { "not met" })
    }
}

/// A number for people: three digits that count, or all before the point.
#[must_use]
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(median: f64) -> Spread {
        Spread { median, min: median, max: median }
    }

    #[test]
    fn a_goal_is_met_at_its_bound_or_below_it_as_its_name_says() {
        for (goal, number, met) in [
            (Goal::AtLeast(0.9), 0.9, true),
            (Goal::AtLeast(0.9), 0.89, false),
            (Goal::AtMost(1.1), 1.1, true),
            (Goal::AtMost(1.1), 1.11, false),
            (Goal::Below(60.0), 59.9, true),
            (Goal::Below(60.0), 60.0, false),
        ] {
            assert_eq!(goal.verdict(number).is_met(), met, "{goal:?} {number}");
        }
        assert_eq!(Goal::AtLeast(0.9).verdict(1.0).to_string(), "≥ 0.90: met");
        assert_eq!(Goal::Below(200.0).verdict(200.0).to_string(), "< 200: not met");
    }

    #[test]
    fn each_goal_of_a_figure_has_its_verdict() {
        let figure = Figure::new("a", "1/s", spread(90.0))
            .goal(Goal::Below(100.0))
            .floor("bare", spread(100.0), Some(Goal::AtLeast(0.9)))
            .beside("raw", spread(200.0), Some(Goal::AtLeast(0.85)));
        let verdicts: Vec<bool> = figure.outcome.unwrap().verdicts().map(Verdict::is_met).collect();
        assert_eq!(verdicts, [true, true, false]);
    }

    #[test]
    fn there_is_no_ratio_to_nothing() {
        let figure = Figure::new("a", "ms", spread(1.0)).floor("idle", spread(0.0), Some(Goal::AtMost(1.0)));
        let measured = figure.outcome.unwrap();
        assert_eq!(measured.ratio(measured.floor.as_ref().unwrap()), None);
        assert_eq!(measured.verdicts().count(), 0);
    }

    #[test]
    fn numbers_keep_the_digits_that_count() {
        for (value, text) in [
            (83_855.4, "83855"),
            (100.0, "100"),
            (57.26, "57.3"),
            (0.904, "0.90"),
            (0.0, "0"),
            (-12.34, "-12.3"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_failed_figure_stays_failed_whatever_is_added() {
        let figure = Figure::failed("a", "1/s", "no such key").floor("bare", spread(1.0), None).note("x");
        assert_eq!(figure.outcome, Err("no such key".to_owned()));
    }
}
