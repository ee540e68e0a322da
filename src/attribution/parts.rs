//! Parts and wholes (A10): cached is part of input, reasoning part of output, and a total is never added to its parts.

use std::borrow::Cow;

use super::callsite_schema::CallsiteSchema;
use super::reading::ModelName;
use super::rules::{ApartEmitter, Rules};
use crate::ledger::{Kind, Usage};

impl Rules {
    /// Brings a usage into the shape that prices and rows expect: cached input inside input, reasoning inside output, a total
    /// only where nothing better is known. `is_message` is whether the id of the response begins with `msg_`.
    // Not inlined: few emitters need it, and its code would displace the path of all others from the instruction cache.
    #[inline(never)]
    pub(crate) fn normalise(
        &self,
        usage: &mut Usage,
        schema: &CallsiteSchema,
        model: ModelName,
        is_message: bool,
        mut warn: impl FnMut(Cow<'static, str>),
    ) {
        usage.complete_cache_writes();
        let target = schema.target.as_str();
        let reported = (usage.get(Kind::Input), usage.get(Kind::Output));
        let total = usage.get(Kind::Tokens);
        let has_whole = usage.is_split();
        if !has_whole && is_all_zero(usage) {
            // A total of 0, or a 0 for a part alone, is a call that used nothing.
            usage.forget(Kind::Tokens);
            usage.set(Kind::Input, 0);
            usage.set(Kind::Output, 0);
            return;
        }
        if !has_whole && let Some(total) = total.filter(|total| *total > 0) {
            // A part beside nothing but a total is inside the total, as far as the total reaches.
            let parts = [Kind::CacheRead, Kind::CacheWrite, Kind::Reasoning].map(|part| usage.count(part));
            let parts = parts.into_iter().fold(0, u64::saturating_add);
            if parts > total {
                usage.set(Kind::Tokens, total.saturating_add(parts));
                warn(
                    format!(
                        "{target} counts parts apart from the total ({parts} cached and reasoning, {total} total): they were added to the total"
                    )
                    .into(),
                );
            }
            return;
        }
        usage.forget(Kind::Tokens);
        let cached = usage.count(Kind::CacheRead) + usage.count(Kind::CacheWrite);
        let input = usage.count(Kind::Input);
        if cached > 0 && self.counts_cache_apart(schema, model, is_message) {
            usage.set(Kind::Input, input + cached);
        } else if cached > input {
            usage.set(Kind::Input, input + cached);
            // A part without its whole is its whole.
            let is_apart = reported.0.is_some();
            is_apart.then(|| warn(
                format!(
                    "{target} counts cached input apart from input ({cached} cached, {input} input): it was added to the input"
                )
                .into(),
            ));
        }
        let (reasoning, output) = (usage.count(Kind::Reasoning), usage.count(Kind::Output));
        if reasoning > 0 && schema.emitter.reasoning_apart.covers(model, is_message) {
            usage.set(Kind::Output, output + reasoning);
        } else if reasoning > output {
            usage.set(Kind::Output, output + reasoning);
            let is_apart = reported.1.is_some();
            is_apart.then(|| warn(
                format!(
                    "{target} counts reasoning apart from output ({reasoning} reasoning, {output} output): it was added to the output"
                )
                .into(),
            ));
        }
        if let (Some(total), (Some(input), Some(output))) = (total, reported) {
            // Either sum explains the total: that of the figures as they were reported, or with the parts that were apart.
            let sums = [input + output, usage.count(Kind::Input) + usage.count(Kind::Output)];
            if !sums.contains(&total) {
                warn(
                    format!(
                        "{target} reports total {total}, but input {input} + output {output}: the total was ignored"
                    )
                    .into(),
                );
            }
        }
    }

    /// Whether an emitter is known, or declared by the program, to report input without the tokens from the cache.
    fn counts_cache_apart(&self, schema: &CallsiteSchema, model: ModelName, is_message: bool) -> bool {
        let is_declared = |emitter: &ApartEmitter| emitter.covers(schema.target, model.0);
        schema.emitter.cache_apart.covers(model, is_message) || self.exclusive_cache.iter().any(is_declared)
    }
}

fn is_all_zero(usage: &Usage) -> bool {
    usage.iter().all(|(_, count)| count == 0)
}
