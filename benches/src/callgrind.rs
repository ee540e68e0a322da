//! Reading what callgrind wrote.

use std::collections::HashMap;

/// Where instructions went.
#[derive(Debug, Default)]
pub struct Profile {
    /// All instructions.
    pub total: u64,
    own: HashMap<String, u64>,
}

impl Profile {
    /// Reads a profile written with `--compress-strings=no --compress-pos=no`; `None` if nothing was counted.
    pub fn read(text: &str) -> Option<Self> {
        let mut profile = Self::default();
        let mut function = "";
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(name) = line.strip_prefix("fn=") {
                function = name;
            } else if line.starts_with("calls=") {
                // The cost of the callee, which is also in the callee's own lines: adding it here would count it twice.
                lines.next();
            } else if line.starts_with(|first: char| first.is_ascii_digit()) {
                let cost: u64 = line.split(' ').nth(1)?.parse().ok()?;
                *profile.own.entry(function.to_owned()).or_default() += cost;
            }
        }
        profile.total = profile.own.values().sum();
        (profile.total > 0).then_some(profile)
    }

    /// The functions that took most themselves, most first.
    pub fn largest(&self, count: usize) -> Vec<(&str, u64)> {
        let mut own: Vec<_> = self.own.iter().map(|(name, cost)| (name.as_str(), *cost)).collect();
        own.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        own.truncate(count);
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_a_functions_own() {
        let text = "events: Ir\n\nfn=outer\n16 3\ncfn=malloc\ncalls=2 0\n16 90\n17 4\n\nfn=malloc\n0 90\ntotals: 97\n";
        let profile = Profile::read(text).expect("there are counts");
        assert_eq!(profile.total, 97);
        assert_eq!(profile.largest(1), [("malloc", 90)]);
        assert!(Profile::read("events: Ir\ntotals: 0\n").is_none());
    }
}
