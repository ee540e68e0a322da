//! The prices in a Python wheel of genai-prices: they are Python code, `genai_prices/data.py`, and no `data.json`.
//!
//! That code is generated, and is one list of nested constructor calls with constants. It is read as data, and never run. It is
//! written in the format of `data.json`; `tests/cli/prices_update.rs` compares the two.
//!
//! # Invariants
//!
//! - Whatever is not such a constant is an error that names its line: upstream may generate something else one day.

use serde_json::{Map, Number, Value};

/// Nesting of the code. Real data has ten; each level takes some stack.
const MAX_DEPTH: usize = 64;

/// What `data.json` leaves out.
const COMMENTS: [&str; 3] = ["description", "price_comments", "pricing_urls"];

/// Returns the `data.json` of a `data.py`.
pub(super) fn to_json(python: &str) -> Result<Value, String> {
    const START: &str = "\nproviders: list[Provider] = ";
    let start = python.find(START).ok_or("it has no list of providers")? + START.len();
    let mut reader = Reader { text: python, at: start };
    let providers = reader.value(0).map_err(|what| {
        let line = python[..reader.at].matches('\n').count() + 1;
        format!("line {line}: {what}")
    })?;
    if providers.is_array() { Ok(providers) } else { Err("the providers are no list".to_owned()) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes a character, after white space.
    fn take(&mut self, wanted: char) -> bool {
        self.skip();
        let is_next = self.rest().starts_with(wanted);
        if is_next {
            self.at += wanted.len_utf8();
        }
        is_next
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.take(wanted) { Ok(()) } else { Err(format!("expected {wanted:?}, got {}", self.next())) }
    }

    /// What comes next, for an error.
    fn next(&self) -> String {
        format!("{:?}", self.rest().chars().take(20).collect::<String>())
    }

    /// Takes characters of a class.
    fn take_all(&mut self, is_of: impl Fn(char) -> bool) -> &'a str {
        self.skip();
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !is_of(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} deep"));
        }
        self.skip();
        match self.rest().chars().next() {
            Some('[') => self.list(depth),
            Some('{') => self.dictionary(depth),
            Some('\'' | '"') => self.strings().map(Value::String),
            Some('-' | '0'..='9') => self.number(),
            Some('a'..='z' | 'A'..='Z' | '_') => self.name(depth),
            _ => Err(format!("expected a value, got {}", self.next())),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        self.expect('[')?;
        let mut items = Vec::new();
        while !self.take(']') {
            items.push(self.value(depth + 1)?);
            if !self.take(',') {
                self.expect(']')?;
                break;
            }
        }
        Ok(Value::Array(items))
    }

    fn dictionary(&mut self, depth: usize) -> Result<Value, String> {
        self.expect('{')?;
        let mut fields = Map::new();
        while !self.take('}') {
            self.skip();
            let key = self.strings()?;
            self.expect(':')?;
            fields.insert(key, self.value(depth + 1)?);
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        Ok(Value::Object(fields))
    }

    fn number(&mut self) -> Result<Value, String> {
        let text = self.take_all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_'));
        number(&text.replace('_', ""))
    }

    /// A string, or several that follow each other, which are one.
    fn strings(&mut self) -> Result<String, String> {
        let mut all = self.string()?;
        loop {
            self.skip();
            if !self.rest().starts_with(['\'', '"']) {
                return Ok(all);
            }
            all.push_str(&self.string()?);
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let mut chars = self.rest().char_indices();
        let quote = match chars.next() {
            Some((_, quote @ ('\'' | '"'))) => quote,
            _ => return Err(format!("expected a string, got {}", self.next())),
        };
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '\n' => break,
                '\\' => {
                    let escaped = chars.next().map(|(_, escaped)| escaped);
                    let mut code = |digits: usize| {
                        let hex: String = chars.by_ref().take(digits).map(|(_, digit)| digit).collect();
                        u32::from_str_radix(&hex, 16)
                            .ok()
                            .filter(|_| hex.len() == digits)
                            .and_then(char::from_u32)
                    };
                    let plain = match escaped {
                        Some('n') => Some('\n'),
                        Some('r') => Some('\r'),
                        Some('t') => Some('\t'),
                        Some(quoted @ ('\\' | '\'' | '"')) => Some(quoted),
                        Some('x') => code(2),
                        Some('u') => code(4),
                        Some('U') => code(8),
                        _ => None,
                    };
                    text.push(plain.ok_or_else(|| format!("unknown escape in {}", self.next()))?);
                }
                _ if c == quote => {
                    self.at += at + 1;
                    return Ok(text);
                }
                _ => text.push(c),
            }
        }
        Err(format!("a string without an end: {}", self.next()))
    }

    /// A constant, or the call of a constructor.
    fn name(&mut self, depth: usize) -> Result<Value, String> {
        let name = self.take_all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
        match name {
            "True" => return Ok(Value::Bool(true)),
            "False" => return Ok(Value::Bool(false)),
            "None" => return Ok(Value::Null),
            "datetime.UTC" | "datetime.timezone.utc" => return Ok(Value::String("Z".to_owned())),
            _ => {}
        }
        self.expect('(')?;
        let (mut positional, mut named) = (Vec::new(), Map::new());
        while !self.take(')') {
            self.skip();
            let before = self.at;
            let key = self.take_all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !key.is_empty() && self.take('=') {
                // A trailing underscore keeps a name apart from a word of Python: `or_`.
                named.insert(key.trim_end_matches('_').to_owned(), self.value(depth + 1)?);
            } else {
                self.at = before;
                positional.push(self.value(depth + 1)?);
            }
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        constructed(name, &positional, named).ok_or_else(|| format!("unknown call of {name}"))?
    }
}

/// What a constructor makes; `None` if its arguments are not known.
fn constructed(
    name: &str,
    positional: &[Value],
    mut named: Map<String, Value>,
) -> Option<Result<Value, String>> {
    let numbers: Option<Vec<u64>> = positional.iter().map(Value::as_u64).collect();
    Some(match (name, numbers.as_deref()) {
        ("Decimal", _) => match positional {
            [Value::String(text)] => number(text),
            _ => return None,
        },
        ("datetime.date", Some([year, month, day])) => {
            Ok(Value::String(format!("{year:04}-{month:02}-{day:02}")))
        }
        ("datetime.time", Some([hour, minute, rest @ ..])) if rest.len() <= 1 => {
            let second = rest.first().unwrap_or(&0);
            let zone = named.get("tzinfo").and_then(Value::as_str).unwrap_or_default();
            Ok(Value::String(format!("{hour:02}:{minute:02}:{second:02}{zone}")))
        }
        _ if positional.is_empty() && name.starts_with(|c: char| c.is_ascii_uppercase()) => {
            named.retain(|key, value| !COMMENTS.contains(&key.as_str()) && !value.is_null());
            Ok(Value::Object(named))
        }
        _ => return None,
    })
}

/// A number as JSON has it: whole ones without a fraction.
fn number(text: &str) -> Result<Value, String> {
    let number =
        text.parse::<i64>().map(Number::from).ok().or_else(|| {
            text.parse::<f64>().ok().filter(|number| number.is_finite()).and_then(Number::from_f64)
        });
    number.map(Value::Number).ok_or_else(|| format!("{text:?} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: &str) -> Result<Value, String> {
        to_json(&format!("import datetime\n\nproviders: list[Provider] = {code}\n"))
    }

    #[test]
    fn constructor_calls_are_objects() {
        let code = r#"[
            Provider(
                id='a', api_pattern='https://a\\.example', price_comments="it's", description=None,
                models=[ModelInfo(id='m', match=ClauseOr(or_=[ClauseEquals(equals="m")]), context_window=1_000,
                    prices=[ConditionalPrice(
                        constraint=TimeOfDateConstraint(start_time=datetime.time(0, 30, tzinfo=datetime.UTC),
                            end_time=datetime.time(16, 30, 5)),
                        prices=ModelPrice(input_mtok=TieredPrices(base=Decimal('0.10'), tiers=[
                            Tier(start=200000, price=Decimal('2'))]))),
                    ConditionalPrice(constraint=StartDateConstraint(start_date=datetime.date(2026, 1, 5)),
                        prices=ModelPrice())],
                    price_variants=[PriceVariant(when={'processing': 'batch'}, prices=ModelPrice())], deprecated=True)],
                name='A' 'b\n\u00e9',
            ),
        ]"#;
        let json = serde_json::json!([{
            "id": "a", "name": "Ab\né", "api_pattern": r"https://a\.example",
            "models": [{
                "id": "m", "match": {"or": [{"equals": "m"}]}, "context_window": 1000, "deprecated": true,
                "prices": [
                    {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:05"},
                        "prices": {"input_mtok": {"base": 0.1, "tiers": [{"start": 200000, "price": 2}]}}},
                    {"constraint": {"start_date": "2026-01-05"}, "prices": {}}],
                "price_variants": [{"when": {"processing": "batch"}, "prices": {}}]
            }]
        }]);
        assert_eq!(read(code), Ok(json));
    }

    #[test]
    fn code_is_an_error_that_names_its_line() {
        for (code, reason) in [
            ("[\n  open('/etc/passwd')]", "line 4: unknown call of open"),
            ("[Provider(id=__import__('os'))]", "line 3: unknown call of __import__"),
            ("[x]", "line 3: expected '(', got \"]"),
            ("[1 + 1]", "line 3: expected ']', got \"+ 1]"),
            ("['a", "line 3: a string without an end"),
            ("[Provider(id='a'", "line 4: expected ')'"),
            (r"['\q']", "line 3: unknown escape"),
            ("[Decimal('much')]", "\"much\" is no number"),
            ("Provider(id='a')", "the providers are no list"),
            (&"[".repeat(100_000), "nested more than 64 deep"),
        ] {
            let error = read(code).expect_err(code);
            assert!(error.contains(reason), "{code:.40}: {error}");
        }
        assert_eq!(to_json("import os"), Err("it has no list of providers".to_owned()));
    }
}
