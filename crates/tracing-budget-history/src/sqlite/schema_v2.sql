-- Sums over the runs that have ended, by hour and by day of their start, kept by the transaction that stores a run.
CREATE TABLE rollups (
    step                TEXT    NOT NULL,   -- hour, day
    kind                TEXT    NOT NULL,   -- run, stage, model, gate
    at_ms               INTEGER NOT NULL,   -- when the hour or the day begins, in UTC
    project             TEXT    NOT NULL,
    pipeline            TEXT    NOT NULL,
    name                TEXT    NOT NULL,   -- the stage, model or gate
    runs                INTEGER NOT NULL,
    completed           INTEGER NOT NULL,
    failed              INTEGER NOT NULL,
    cancelled           INTEGER NOT NULL,
    incomplete          INTEGER NOT NULL,
    interrupted         INTEGER NOT NULL,
    errors              INTEGER NOT NULL,
    llm_calls           INTEGER NOT NULL,
    unpriced_calls      INTEGER NOT NULL,
    calls_without_usage INTEGER NOT NULL,
    tokens              INTEGER NOT NULL,
    without_tokens      INTEGER NOT NULL,   -- runs of unknown tokens
    input_tokens        INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    cache_read_tokens   INTEGER NOT NULL,
    cache_write_tokens  INTEGER NOT NULL,
    without_cost        INTEGER NOT NULL,   -- runs (for gates: verdicts) of unknown cost
    gates_passed        INTEGER NOT NULL,
    gates_failed        INTEGER NOT NULL,
    gates_warned        INTEGER NOT NULL,
    gates_skipped       INTEGER NOT NULL,
    gates_broken        INTEGER NOT NULL,
    gates_other         INTEGER NOT NULL,
    duration_us         INTEGER NOT NULL,
    cost_pico           ANY     NOT NULL,
    durations           BLOB    NOT NULL,   -- counts by bin: for quantiles
    PRIMARY KEY (step, kind, at_ms, project, pipeline, name)
) STRICT, WITHOUT ROWID;
