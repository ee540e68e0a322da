//! What the projects come to, asked once for all who want to know within a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::app::App;
use super::problem::Problem;
use tracing_budget_history::Scope;
use tracing_budget_history::stats::{Overview, ProjectRow};

/// Those who scrape do so every 10 s or more seldom.
const FRESH: Duration = Duration::from_secs(10);

pub(crate) type ProjectTotals = Arc<Vec<(ProjectRow, Overview)>>;

/// The projects and their totals, as they were lately.
#[derive(Default)]
pub(crate) struct Totals {
    last: Mutex<Option<(Instant, ProjectTotals)>>,
}

impl Totals {
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(crate) async fn get(&self, app: &App) -> Result<ProjectTotals, Problem> {
        // Held while the store is asked: who comes meanwhile gets the same answer.
        let mut last = self.last.lock().await;
        if let Some((_, totals)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(Arc::clone(totals));
        }
        let asked = app.ask(|store| {
            let with_totals = |project: ProjectRow| {
                let overview = store.summary(&Scope::new().project(&project.project))?;
                Ok::<_, Problem>((project, overview))
            };
            store.projects()?.into_iter().map(with_totals).collect::<Result<Vec<_>, Problem>>()
        });
        let totals = Arc::new(asked.await?);
        *last = Some((Instant::now(), Arc::clone(&totals)));
        Ok(totals)
    }
}
