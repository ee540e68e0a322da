//! Every token is counted once, and in the stage it was used in, whatever a library's habits are.
//!
//! A1 to A14 are the rules of `docs/attribution.md`.

mod budgeted;

use budgeted::{run, run_with, runs, stage, tokens};
use tracing::field::Empty;
use tracing::{Span, info, info_span};
use tracing_budget::{RunSummary, Status};
use tracing_subscriber::layer::SubscriberExt;

/// A model call as rig opens it.
fn chat() -> Span {
    info_span!(
        target: "rig::completions",
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-5",
        gen_ai.response.model = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
    )
}

/// An agent as rig opens it inside of a span.
fn agent() -> Span {
    info_span!(
        target: "rig_agent::agent::telemetry",
        "invoke_agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "scout",
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
    )
}

/// The same where rig means it to be a root.
fn root_agent() -> Span {
    info_span!(
        target: "rig_agent::agent::telemetry",
        parent: None,
        "invoke_agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "scout",
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
    )
}

fn execute_tool() -> Span {
    info_span!(
        target: "rig_agent::agent::telemetry",
        "execute_tool",
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = "add",
    )
}

fn used(span: &Span, input: u64, output: u64) {
    span.record("gen_ai.usage.input_tokens", input).record("gen_ai.usage.output_tokens", output);
}

fn calls(run: &RunSummary) -> u64 {
    run.budget_summary.total.llm_calls
}

#[test]
fn streaming_that_records_usage_twice_counts_once() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let chat = chat();
        used(&chat, 100, 10);
        used(&chat, 100, 10);
    });
    assert_eq!((tokens(&run), calls(&run)), ((100, 10), 1));
}

#[test]
fn the_last_of_several_records_of_a_call_counts() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let chat = chat();
        used(&chat, 100, 1);
        used(&chat, 100, 10);
        chat.record("gen_ai.response.model", "gpt-5-2025-08-07");
    });
    assert_eq!((tokens(&run), calls(&run)), ((100, 10), 1));
    assert!(run.budget_summary.per_model.get("openai/gpt-5-2025-08-07").is_some(), "{run}");
}

#[test]
fn invoke_agent_that_repeats_its_children_adds_nothing() {
    let run = run(|| {
        let agent = agent();
        agent.in_scope(|| {
            used(&chat(), 100, 10);
            execute_tool().in_scope(|| {});
            used(&chat(), 130, 20);
        });
        used(&agent, 230, 30);
    });
    assert_eq!((tokens(&run), calls(&run)), ((230, 30), 2));
    let tool = &run.budget_summary.by_operation["execute_tool"];
    assert_eq!((tool.calls, tool.figures.llm_calls), (1, 0));
}

#[test]
fn an_aggregate_counts_for_what_it_has_beyond_its_children() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let agent = agent();
        agent.in_scope(|| used(&chat(), 100, 10));
        used(&agent, 230, 5);
    });
    assert_eq!(tokens(&run), (230, 10), "per kind: 130 more input, no more output");
    assert_eq!(calls(&run), 2);
}

#[test]
fn an_agent_as_a_tool_of_an_agent_is_counted_at_both_levels() {
    let run = run(|| {
        let agent = agent();
        agent.in_scope(|| {
            used(&chat(), 100, 10);
            execute_tool().in_scope(|| used(&chat(), 130, 20));
            used(&chat(), 130, 20);
        });
        // What the outer agent knows of.
        used(&agent, 230, 30);
    });
    assert_eq!((tokens(&run), calls(&run)), ((360, 50), 3));
}

#[test]
fn an_explicit_root_is_adopted_by_the_stage_that_is_current() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let stage = info_span!("discovery").entered();
        let agent = root_agent();
        agent.in_scope(|| used(&chat(), 230, 30));
        used(&agent, 230, 30);
        drop(agent);
        drop(stage);
    });
    assert_eq!((tokens(&run), calls(&run)), ((230, 30), 1));
    let row = stage(&run, "scout");
    assert_eq!((row.figures.input_tokens, row.parent.as_deref()), (230, Some("discovery")));
}

#[test]
fn a_plain_explicit_root_is_a_run_of_its_own() {
    let runs = runs(|| {
        let _root = info_span!("pipeline").entered();
        used(&chat(), 1, 1);
        let own = info_span!(parent: None, "background").entered();
        used(&chat(), 2, 2);
        drop(own);
    });
    let mut names: Vec<_> = runs.iter().map(|run| (run.pipeline.as_str(), tokens(run).0)).collect();
    names.sort_unstable();
    assert_eq!(names, [("background", 2), ("pipeline", 1)]);
}

/// A6.
#[test]
fn a_parentless_childless_invoke_agent_is_dropped() {
    // Old rig without a span around: the agent and its chats are unrelated roots.
    let runs = runs(|| {
        used(&chat(), 100, 10);
        used(&chat(), 130, 20);
        used(&root_agent(), 230, 30);
    });
    assert_eq!(runs.iter().map(|run| tokens(run).0).sum::<u64>(), 230);
    assert_eq!(runs.len(), 2);
}

#[test]
fn old_rig_that_records_an_aggregate_on_a_stage_that_declares_the_fields_counts_once() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let stage =
            info_span!("discovery", gen_ai.usage.input_tokens = Empty, gen_ai.usage.output_tokens = Empty);
        stage.in_scope(|| {
            used(&chat(), 100, 10);
            used(&chat(), 130, 20);
        });
        used(&stage, 230, 30);
    });
    assert_eq!((tokens(&run), calls(&run)), ((230, 30), 2));
    assert_eq!(stage(&run, "discovery").figures.output_tokens, 30);
}

#[test]
fn old_rig_that_records_each_call_on_a_stage_that_declares_the_fields_adds_up() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let stage =
            info_span!("discovery", gen_ai.usage.input_tokens = Empty, gen_ai.usage.output_tokens = Empty);
        used(&stage, 100, 10);
        used(&stage, 130, 20);
    });
    assert_eq!(tokens(&run), (230, 30));
}

#[test]
fn own_usage_of_a_stage_adds_to_what_is_below() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let stage = info_span!("discovery", model = "gpt-5", input_tokens = Empty, output_tokens = Empty);
        stage.in_scope(|| used(&chat(), 100, 10));
        stage.record("input_tokens", 3_000).record("output_tokens", 987);
        stage.record("input_tokens", 7).record("output_tokens", 3);
    });
    assert_eq!((tokens(&run), calls(&run)), ((3_107, 1_000), 2));
    assert_eq!(stage(&run, "discovery").figures.llm_calls, 2);
}

#[test]
fn a_call_without_usage_is_counted_as_such() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("discovery").entered();
        drop(chat());
    });
    let figures = &stage(&run, "discovery").figures;
    assert_eq!((figures.llm_calls, figures.calls_without_usage), (1, 1));
    assert_eq!((figures.tokens_used, figures.cost_usd), (None, None), "unknown is not zero");
    assert_eq!(figures.unpriced_calls, 0);
}

#[test]
fn exclusive_cache_counting_is_detected_and_reported() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let chat = chat();
        used(&chat, 10, 5);
        chat.record("gen_ai.usage.cache_read.input_tokens", 90);
    });
    assert_eq!(tokens(&run), (100, 5));
    assert_eq!(run.budget_summary.total.cache_read_tokens, 90);
    assert!(run.warnings.iter().any(|warning| warning.contains("cached input apart")), "{:?}", run.warnings);
}

#[test]
fn an_emitter_known_to_count_cache_exclusively_is_put_right() {
    let code = || {
        let _root = info_span!("pipeline").entered();
        let chat = chat();
        used(&chat, 100, 5);
        chat.record("gen_ai.usage.cache_read.input_tokens", 40);
    };
    assert_eq!(tokens(&run(code)), (100, 5));
    let known =
        || tracing_budget::layer().usage_events([module_path!()]).exclusive_cache("rig::", Some("openai"));
    assert_eq!(tokens(&run_with(known(), code)), (140, 5));
    let other =
        tracing_budget::layer().usage_events([module_path!()]).exclusive_cache("rig::", Some("anthropic"));
    assert_eq!(tokens(&run_with(other, code)), (100, 5));
}

#[test]
fn a_librarys_total_is_ignored_where_input_or_output_is_known() {
    let run = run(|| {
        // langchain-rust 7: bare names, and an agent that repeats the total.
        let agent = info_span!(target: "langchain_rust::observability", "agent.run", total_tokens = Empty);
        agent.in_scope(|| {
            let call = info_span!(
                target: "langchain_rust::observability",
                "llm.generate",
                provider = "openai",
                model = "gpt-5",
                prompt_tokens = Empty,
                completion_tokens = Empty,
                total_tokens = Empty
            );
            call.record("prompt_tokens", 100).record("completion_tokens", 10).record("total_tokens", 110);
        });
        agent.record("total_tokens", 110);
    });
    assert_eq!((tokens(&run), calls(&run)), ((100, 10), 1));
    assert_eq!(run.budget_summary.total.tokens_used, Some(110));
}

/// A10.
#[test]
fn tokens_alone_are_tokens_without_a_split_and_have_no_price() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("discovery", model = "gpt-5", tokens = 500).entered();
    });
    let total = &run.budget_summary.total;
    assert_eq!((total.tokens_used, total.input_tokens, total.output_tokens), (Some(500), 0, 0));
    assert_eq!((total.cost_usd, total.unpriced_calls), (None, 1));
}

#[test]
fn adk_without_an_operation_name_is_known_as_an_emitter() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _nameless = info_span!("").entered();
        let call = info_span!(
            target: "adk_telemetry::spans",
            "gen_ai.generate",
            gen_ai.system = Empty,
            gen_ai.request.model = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.total_tokens = Empty,
        );
        call.record("gen_ai.system", tracing::field::debug("openai"));
        call.record("gen_ai.request.model", tracing::field::debug("gpt-5"));
        for _ in 0..2 {
            call.record("gen_ai.usage.input_tokens", 100_i64).record("gen_ai.usage.output_tokens", 10_i64);
            call.record("gen_ai.usage.total_tokens", 110_i64);
        }
    });
    assert_eq!((tokens(&run), calls(&run)), ((100, 10), 1));
    assert!(run.budget_summary.per_model.get("openai/gpt-5").is_some(), "{run}");
}

#[test]
fn a_span_with_an_empty_name_is_no_stage_and_hides_nothing() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _nameless = info_span!("").entered();
        used(&chat(), 100, 10);
    });
    assert_eq!(stage(&run, "unattributed").figures.input_tokens, 100);
}

#[test]
fn three_spans_of_one_name_are_distinguished() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("discovery").entered();
        // rig has three different spans named `chat`; this one is neither a call nor of any use.
        let turn = info_span!(target: "rig_agent::agent::completion", "chat", agent_name = "scout").entered();
        let outer = info_span!(
            target: "rig::agent_chat",
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.agent.name = "scout",
            gen_ai.request.model = Empty,
            gen_ai.provider.name = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty
        );
        outer.record("gen_ai.request.model", "gpt-5").record("gen_ai.provider.name", "openai");
        used(&outer, 100, 10);
        used(&chat(), 130, 20);
        drop(turn);
    });
    assert_eq!((tokens(&run), calls(&run)), ((230, 30), 2));
    assert_eq!(stage(&run, "discovery").figures.llm_calls, 2);
}

/// A2.
#[test]
fn spans_that_are_never_entered_count_where_they_were_opened() {
    let run = run(|| {
        let root = info_span!("pipeline");
        let discovery = info_span!(parent: &root, "discovery");
        let call = info_span!(
            target: "genai::otel::span",
            parent: &discovery,
            "genai.chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-5",
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty
        );
        used(&call, 100, 10);
    });
    assert_eq!(stage(&run, "discovery").figures.input_tokens, 100);
}

#[test]
fn stages_are_direct_children_of_the_root_unless_declared() {
    let code = || {
        let _root = info_span!("pipeline").entered();
        let _outer = info_span!("outer").entered();
        let _inner = info_span!("inner").entered();
        used(&chat(), 100, 10);
    };
    assert_eq!(stage(&run(code), "outer").figures.input_tokens, 100);
    let declared =
        run_with(tracing_budget::layer().usage_events([module_path!()]).stages(["inner", "never"]), code);
    assert_eq!(stage(&declared, "inner").figures.input_tokens, 100);
    assert_eq!(stage(&declared, "never").status, Status::NotRun);
    assert!(declared.budget_summary.per_agent.get("outer").is_none(), "{declared}");
}

#[test]
fn a_stage_field_names_a_stage_anywhere() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _outer = info_span!("outer").entered();
        let _plain = info_span!("loop").entered();
        let _inner = info_span!("work", stage = "review").entered();
        used(&chat(), 100, 10);
    });
    let review = stage(&run, "review");
    assert_eq!((review.figures.input_tokens, review.parent.as_deref()), (100, Some("outer")));
    assert_eq!(stage(&run, "outer").figures.input_tokens, 0, "a row's figures are its own");
}

#[test]
fn an_agent_right_under_the_root_is_a_stage_of_its_own_name() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let agent = agent();
        agent.in_scope(|| used(&chat(), 100, 10));
        used(&agent, 100, 10);
    });
    assert_eq!(stage(&run, "scout").figures.input_tokens, 100);
}

/// A2.
#[test]
fn a_call_or_a_tool_right_under_the_root_is_no_stage() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        used(&chat(), 100, 10);
        execute_tool().in_scope(|| used(&chat(), 1, 1));
    });
    let rows: Vec<_> = run.budget_summary.per_agent.iter().map(|(name, row)| (name, row.calls)).collect();
    assert_eq!(rows, [("unattributed", 0)]);
    assert_eq!((tokens(&run), calls(&run)), ((101, 11), 2));
}

#[test]
fn what_no_stage_used_is_unattributed_so_that_rows_add_up() {
    let run = run_with(tracing_budget::layer().usage_events([module_path!()]).stages(["discovery"]), || {
        let _root = info_span!("pipeline").entered();
        used(&chat(), 100, 10);
        info_span!("discovery").in_scope(|| used(&chat(), 1, 1));
    });
    assert_eq!(stage(&run, "unattributed").figures.input_tokens, 100);
    assert_eq!(stage(&run, "discovery").figures.input_tokens, 1);
}

/// A7: the target of this test is named in `.usage_events`.
#[test]
#[cfg_attr(not(feature = "prices"), ignore = "needs the published prices")]
fn events_of_a_named_target_add() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("discovery", model = "gpt-5").entered();
        for _ in 0..2 {
            info!(input_tokens = 100, output_tokens = 10);
            info!(gen_ai.usage.input_tokens = 100, gen_ai.usage.output_tokens = 10, model = "o3");
        }
    });
    assert_eq!((tokens(&run), calls(&run)), ((400, 40), 4));
    assert!(run.budget_summary.per_model.get("openai/gpt-5").is_some(), "the stage's model\n{run}");
    assert!(run.budget_summary.per_model.get("openai/o3").is_some(), "the event's own\n{run}");
}

#[test]
fn named_roots_open_runs_wherever_they_stand_and_no_other_span_does() {
    let runs = budgeted::runs_with(
        tracing_budget::layer().usage_events([module_path!()]).roots(["pipeline"]),
        || {
            let _request = info_span!("request").entered();
            used(&chat(), 1, 1);
            let _pipeline = info_span!("pipeline").entered();
            let _stage = info_span!("discovery").entered();
            used(&chat(), 100, 10);
        },
    );
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].pipeline.as_str(), tokens(&runs[0])), ("pipeline", (100, 10)));
    assert_eq!(stage(&runs[0], "discovery").figures.input_tokens, 100);
}

#[test]
fn a_root_with_nothing_accountable_leaves_no_summary() {
    assert_eq!(
        runs(|| {
            let _request = info_span!("request", method = "GET").entered();
            info_span!("handler").in_scope(|| info!("hello"));
        }),
        []
    );
}

/// A1.
#[test]
fn a_stage_that_ended_before_the_first_call_is_in_the_summary() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        info_span!("preparation").in_scope(|| {});
        info_span!("discovery").in_scope(|| used(&chat(), 100, 10));
    });
    let rows: Vec<_> = run.budget_summary.per_agent.iter().map(|(name, row)| (name, row.calls)).collect();
    assert_eq!(rows, [("preparation", 1), ("discovery", 1)]);
}

/// A2: a late name counts from then on, whatever is open in between, also as the parent of a stage that is open inside.
#[test]
fn a_late_name_reaches_everything_that_is_open_inside() {
    let run = run(|| {
        let root = info_span!("pipeline");
        let step = info_span!(parent: &root, "step", stage = Empty);
        // A field of these rules, so that the layer keeps a position for the span.
        let between = info_span!(parent: &step, "between", error = Empty);
        let plan = info_span!(parent: &between, "plan", stage = "plan");
        step.record("stage", "review");
        used(&between.in_scope(chat), 7, 1);
        used(&plan.in_scope(chat), 100, 10);
    });
    assert!(run.budget_summary.per_agent.get("step").is_none(), "{run}");
    assert_eq!(stage(&run, "plan").parent.as_deref(), Some("review"));
    assert_eq!(stage(&run, "review").figures.input_tokens, 7);
}

/// A3.
#[test]
fn a_call_takes_the_model_that_its_stage_records_while_it_is_open() {
    let run = run(|| {
        let root = info_span!("pipeline");
        let step = info_span!(parent: &root, "step", stage = "review", model = Empty);
        let call =
            info_span!(parent: &step, "chat", operation = "chat", input_tokens = 100, output_tokens = 10);
        step.record("model", "gpt-5");
        drop(call);
    });
    assert!(
        run.budget_summary.per_model.iter().any(|(model, _)| model == "openai/gpt-5" || model == "gpt-5"),
        "{run}"
    );
}

/// A9, A14.
#[test]
fn a_run_with_a_root_that_waits_is_not_lost_with_the_guard() {
    let memory = tracing_budget::sink::Memory::new();
    let (budget, guard) = tracing_budget::layer().sink(memory.clone()).build().expect("a layer");
    let subscriber = tracing_subscriber::registry().with(budget);
    tracing::subscriber::with_default(subscriber, || {
        let root = chat();
        used(&root, 100, 10);
        let tool =
            root.in_scope(|| info_span!(parent: None, "search", gen_ai.operation.name = "execute_tool"));
        drop(root);
        drop(guard);
        drop(tool);
    });
    let runs = memory.take();
    assert_eq!(runs.len(), 1);
    assert_eq!((tokens(&runs[0]), calls(&runs[0])), ((100, 10), 1));
}

/// A10, A14.
#[test]
fn a_figure_by_its_second_name_alone_is_not_lost_with_the_guard() {
    let memory = tracing_budget::sink::Memory::new();
    let (budget, guard) = tracing_budget::layer().sink(memory.clone()).build().expect("a layer");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let _root = info_span!("pipeline", input_tokens = Empty, prompt_tokens = 100);
        drop(guard);
    });
    let runs = memory.take();
    assert_eq!(runs.len(), 1);
    assert_eq!((tokens(&runs[0]), calls(&runs[0])), ((100, 0), 1));
}

/// A6, A8: more calls with response ids than a span remembers one by one.
#[test]
fn an_agent_that_reports_the_cost_of_a_thousand_calls_adds_nothing() {
    let rates = tracing_budget::price::Rates::per_million().input("100").output("100");
    let book = tracing_budget::PriceBook::builder().price("m", rates).build().expect("a book");
    let run = run_with(tracing_budget::layer().prices(book), || {
        let _root = info_span!("pipeline").entered();
        let agent = info_span!(
            "invoke_agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.usage.input_tokens = 3_000,
            gen_ai.usage.output_tokens = 1_500,
            gen_ai.usage.cost = 0.45
        );
        agent.in_scope(|| {
            for number in 0..1_500 {
                info_span!(
                    "chat",
                    gen_ai.operation.name = "chat",
                    gen_ai.request.model = "m",
                    gen_ai.response.id = format!("r{number}"),
                    gen_ai.usage.input_tokens = 2,
                    gen_ai.usage.output_tokens = 1
                );
            }
        });
    });
    assert_eq!((tokens(&run), calls(&run)), ((3_000, 1_500), 1_500));
    assert_eq!(run.budget_summary.total.cost_usd, Some(budgeted::usd("0.45")));
}
