//! What is stored in the history can be asked for.

use tracing_budget::history::{Filter, Page, Scope, Sort, Sqlite, Store, Stored};
use tracing_budget::{RunSummary, Status};

#[test]
fn what_is_put_is_there() {
    let directory = std::env::temp_dir().join(format!("tracing-budget-history-{}", std::process::id()));
    let store = Sqlite::open(directory.join("runs.db")).unwrap();
    let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse().unwrap());
    run.project = "apprentice".into();
    run.status = Status::Completed;
    assert_eq!(store.put(&run).unwrap(), Stored::Inserted);
    assert_eq!(store.put(&run).unwrap(), Stored::Unchanged);
    assert_eq!(store.get("0193c0de").unwrap(), Some(run.clone()));
    let page = store.list(&Filter::new(), Sort::default(), &Page::first(5)).unwrap();
    assert_eq!(page.runs.len(), 1);
    assert_eq!(store.summary(&Scope::new()).unwrap().by_status.completed, 1);
    assert_eq!(store.projects().unwrap()[0].project, "apprentice");
    assert_eq!(store.delete(&["0193c0de"]).unwrap(), 1);
    assert_eq!(store.get("0193c0de").unwrap(), None);
    drop(store);
    std::fs::remove_dir_all(directory).unwrap();
}
