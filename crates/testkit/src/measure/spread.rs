/// The samples of one subject: their median, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle sample; between the two middle ones if their number is even.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
}

impl Spread {
    /// The spread of samples; `None` without any, or when one of them is no number.
    #[must_use]
    pub fn of(samples: &[f64]) -> Option<Self> {
        let sorted = sorted(samples)?;
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) };
        Some(Self { median, min, max })
    }
}

/// The sample below or at which `hundredths` of a hundred lie (nearest rank): 99 for the p99.
#[must_use]
pub fn percentile(samples: &[f64], hundredths: usize) -> Option<f64> {
    let sorted = sorted(samples)?;
    let rank = (sorted.len() * hundredths).div_ceil(100).clamp(1, sorted.len());
    sorted.get(rank - 1).copied()
}

fn sorted(samples: &[f64]) -> Option<Vec<f64>> {
    if samples.is_empty() || samples.iter().any(|sample| !sample.is_finite()) {
        return None;
    }
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        let odd = Spread::of(&[9.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(odd, Some(Spread { median: 3.0, min: 1.0, max: 9.0 }));
        let even = Spread::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(even, Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(Spread::of(&[7.0]), Some(Spread { median: 7.0, min: 7.0, max: 7.0 }));
    }

    #[test]
    fn without_samples_or_with_a_sample_that_is_no_number_there_is_no_spread() {
        for samples in [&[][..], &[1.0, f64::NAN], &[f64::INFINITY]] {
            assert_eq!(Spread::of(samples), None);
            assert_eq!(percentile(samples, 50), None);
        }
    }

    #[test]
    fn percentiles_are_samples_by_nearest_rank() {
        let samples: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        for (hundredths, sample) in [(0, 1.0), (50, 100.0), (99, 198.0), (100, 200.0)] {
            assert_eq!(percentile(&samples, hundredths), Some(sample), "p{hundredths}");
        }
        assert_eq!(percentile(&[5.0], 99), Some(5.0));
    }
}
