-- "bdgt": distinguishes a run history from other databases.
PRAGMA application_id = 1650747252;

-- One row a run: the merge of its parts.
CREATE TABLE runs (
    id                  INTEGER PRIMARY KEY,
    run_id              TEXT    NOT NULL UNIQUE,
    project             TEXT    NOT NULL,
    pipeline            TEXT    NOT NULL,
    status              TEXT    NOT NULL,
    created_ms          INTEGER NOT NULL,
    started_ms          INTEGER NOT NULL,
    completed_ms        INTEGER,
    duration_s          REAL    NOT NULL,
    stages              INTEGER NOT NULL,
    llm_calls           INTEGER NOT NULL,
    tokens              INTEGER,
    cost_pico           ANY,                -- pico-dollars; a text of 39 digits where 64 bits are too few
    unpriced_calls      INTEGER NOT NULL,
    calls_without_usage INTEGER NOT NULL,
    gates_passed        INTEGER NOT NULL,
    gates_failed        INTEGER NOT NULL,
    gates_total         INTEGER NOT NULL,
    failed_stage        TEXT,
    error_summary       TEXT,
    tags                TEXT    NOT NULL,   -- a JSON object
    parts               INTEGER NOT NULL,
    beat_ms             INTEGER,            -- the last heartbeat of a part that is running
    beat_every_ms       INTEGER
) STRICT;
CREATE INDEX runs_by_start    ON runs (started_ms, run_id);
CREATE INDEX runs_by_project  ON runs (project, started_ms, run_id);
CREATE INDEX runs_by_pipeline ON runs (project, pipeline, started_ms, run_id);
CREATE INDEX runs_by_status   ON runs (status, started_ms, run_id);
CREATE INDEX runs_by_cost     ON runs (cost_pico, run_id);
CREATE INDEX runs_by_duration ON runs (duration_s, run_id);
CREATE INDEX runs_by_tokens   ON runs (tokens, run_id);

-- The summary of each process that worked on a run, unchanged.
CREATE TABLE parts (
    id            INTEGER PRIMARY KEY,
    run           INTEGER NOT NULL,
    part          TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    started_ms    INTEGER NOT NULL,
    pipeline      TEXT    NOT NULL,
    beat_ms       INTEGER,
    beat_every_ms INTEGER,
    document      TEXT    NOT NULL,         -- the summary, as JSON
    exact         TEXT,                     -- its amounts in pico-dollars, where JSON numbers cannot hold one
    UNIQUE (run, part)
) STRICT;

CREATE TABLE tags (
    run   INTEGER NOT NULL,
    name  TEXT    NOT NULL,
    value TEXT    NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE stages (
    run                 INTEGER NOT NULL,
    name                TEXT    NOT NULL,
    parent              TEXT,
    status              TEXT    NOT NULL,
    begun               INTEGER NOT NULL,   -- how often
    errors              INTEGER NOT NULL,
    duration_s          REAL    NOT NULL,
    cost_pico           ANY,
    tokens              INTEGER,
    llm_calls           INTEGER NOT NULL,
    input_tokens        INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    cache_read_tokens   INTEGER NOT NULL,
    cache_write_tokens  INTEGER NOT NULL,
    unpriced_calls      INTEGER NOT NULL,
    calls_without_usage INTEGER NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE models (
    run                 INTEGER NOT NULL,
    name                TEXT    NOT NULL,   -- provider/model
    duration_s          REAL    NOT NULL,
    cost_pico           ANY,
    tokens              INTEGER,
    llm_calls           INTEGER NOT NULL,
    input_tokens        INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    cache_read_tokens   INTEGER NOT NULL,
    cache_write_tokens  INTEGER NOT NULL,
    unpriced_calls      INTEGER NOT NULL,
    calls_without_usage INTEGER NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE operations (
    run                 INTEGER NOT NULL,
    name                TEXT    NOT NULL,
    done                INTEGER NOT NULL,   -- how often, by a model or not
    duration_s          REAL    NOT NULL,
    cost_pico           ANY,
    tokens              INTEGER,
    llm_calls           INTEGER NOT NULL,
    input_tokens        INTEGER NOT NULL,
    output_tokens       INTEGER NOT NULL,
    cache_read_tokens   INTEGER NOT NULL,
    cache_write_tokens  INTEGER NOT NULL,
    unpriced_calls      INTEGER NOT NULL,
    calls_without_usage INTEGER NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE gates (
    run         INTEGER NOT NULL,
    place       INTEGER NOT NULL,           -- in the run's list, from 0
    seq         INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    verdict     TEXT    NOT NULL,
    after_stage TEXT,
    blocking    INTEGER NOT NULL,
    score       REAL,
    reason      TEXT,
    at_ms       INTEGER,
    duration_s  REAL,
    cost_pico   ANY,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;

-- Documents with replaced figures, by repricing for instance.
CREATE TABLE replaced (
    id          INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL,
    part        TEXT    NOT NULL,
    replaced_ms INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    document    TEXT    NOT NULL,
    exact       TEXT
) STRICT;
CREATE INDEX replaced_by_run ON replaced (run);
