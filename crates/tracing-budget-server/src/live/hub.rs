//! One look for all listeners.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast, watch};

use super::look::{Seen, look};
use super::news::{Flight, News};
use crate::app::App;
use crate::problem::{Kind, Problem};

/// Tells all listeners what the looks find.
pub(crate) struct Hub {
    news: broadcast::Sender<Arc<Told>>,
    last: watch::Sender<Looked>,
    looks: AtomicU64,
    wanted: Notify,
    places: Arc<Semaphore>,
}

/// News with its number and its JSON, which is written once for all.
#[derive(Debug)]
pub(crate) struct Told {
    /// From 1 on, without gaps, for as long as the server runs.
    pub(crate) number: u64,
    pub(crate) news: News,
    pub(crate) json: String,
}

/// What the last look found.
#[derive(Clone)]
struct Looked {
    look: u64,
    /// The last news that the flight has in it.
    number: u64,
    flight: Result<Arc<Flight>, Problem>,
}

/// What a listener has.
pub(crate) struct Listening {
    /// The runs in flight when he came.
    pub(crate) flight: Arc<Flight>,
    /// The number of the last news before that.
    pub(crate) number: u64,
    news: broadcast::Receiver<Arc<Told>>,
    _place: OwnedSemaphorePermit,
}

/// News kept for a listener who is slow to read; one who is slower is told anew what is in flight.
const KEPT: usize = 1_024;

/// Listeners who come together share a look.
const SHORTLY: Duration = Duration::from_millis(20);

impl Hub {
    pub(crate) fn new(places: usize) -> Self {
        let nothing = Looked { look: 0, number: 0, flight: Ok(Arc::default()) };
        Self {
            news: broadcast::Sender::new(KEPT),
            last: watch::Sender::new(nothing),
            looks: AtomicU64::new(0),
            wanted: Notify::new(),
            places: Arc::new(Semaphore::new(places)),
        }
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        self.news.receiver_count()
    }

    /// How many looks were taken.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Listens from a look on that begins now.
    ///
    /// # Errors
    ///
    /// If too many listen, or the store cannot be read.
    pub(crate) async fn listen(&self) -> Result<Listening, Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Problem::new(Kind::Busy, "as many listen as this server allows; try again when some have left")
        })?;
        // Before the look, so that nothing is missed between the two.
        let news = self.news.subscribe();
        let mut last = self.last.subscribe();
        let begun = self.looks();
        self.wanted.notify_one();
        let looked = match last.wait_for(|looked| looked.look > begun).await {
            Ok(looked) => looked.clone(),
            Err(_) => return Err(Problem::new(Kind::Failed, "the server is stopping")),
        };
        Ok(Listening { flight: looked.flight?, number: looked.number, news, _place: place })
    }

    /// Looks while anybody listens, until the server stops.
    pub(crate) async fn watch(&self, app: &App, every: Duration) {
        let mut before = None;
        let mut number = 0;
        loop {
            if self.listeners() == 0 {
                // What happens while nobody listens is told to nobody.
                before = None;
                if stopped(app, self.wanted.notified()).await {
                    return;
                }
            }
            before = self.look(app, before, &mut number).await;
            if stopped(app, self.pause(every)).await {
                return;
            }
        }
    }

    /// Looks once and tells; what it leaves for the next look.
    async fn look(&self, app: &App, before: Option<Seen>, number: &mut u64) -> Option<Seen> {
        let this = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        let at = app.now();
        let looking = app.ask(move |store| {
            let looked = look(store, before.as_ref(), at).map_err(Problem::from);
            // A look that failed leaves what the one before it had left.
            Ok::<_, Problem>(looked.map_err(|problem| (before, problem)))
        });
        let (seen, found) = match looking.await {
            Ok(Ok((seen, news))) => (Some(seen), Ok(news)),
            Ok(Err((before, problem))) => (before, Err(problem)),
            Err(problem) => (None, Err(problem)),
        };
        let told: Vec<Told> =
            found.as_deref().unwrap_or_default().iter().cloned().zip(*number + 1..).map(Told::new).collect();
        *number += told.len() as u64;
        let flight =
            found.map(|_| Arc::new(seen.as_ref().map(|seen| seen.flight.clone()).unwrap_or_default()));
        self.last.send_replace(Looked { look: this, number: *number, flight });
        for told in told {
            // Nobody may be listening any more.
            let _ = self.news.send(Arc::new(told));
        }
        seen
    }

    async fn pause(&self, every: Duration) {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = self.wanted.notified() => tokio::time::sleep(SHORTLY.min(every)).await,
        }
    }
}

async fn stopped(app: &App, other: impl Future<Output = ()>) -> bool {
    tokio::select! {
        () = app.stopping() => true,
        () = other => false,
    }
}

impl Told {
    fn new((news, number): (News, u64)) -> Self {
        let json = news.to_json();
        Self { number, news, json }
    }
}

impl Listening {
    /// The next news; none if he was too slow and has missed some.
    pub(crate) async fn next(&mut self) -> Option<Arc<Told>> {
        loop {
            match self.news.recv().await {
                // What the flight has in it already.
                Ok(told) if told.number <= self.number => {}
                Ok(told) => return Some(told),
                Err(_) => return None,
            }
        }
    }
}
