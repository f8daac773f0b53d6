//! A worker that leads: takes the routes from the files, obeys orders, gives the lead up. Not here: following another leader.

use std::time::Duration;

use evenkeel_proxy::{ApplyError, ReadinessRule};

use super::super::book::{Book, Loaded, Page};
use super::super::control::Control;
use super::super::order::{Order, Refusal};
use super::super::status;
use super::{Standing, Steward};
use crate::disk::blocking;
use crate::proxy::message::Ask;
use crate::session::chain;

/// How long others may take to follow. The parent ends those who take half as long; beyond it the parent itself does not answer.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(4);

impl Steward {
    /// Serves by the files, and takes orders.
    pub(super) async fn lead(&mut self) {
        self.stuck.clear();
        let files = self.files.clone();
        match blocking(move || files.load()).await {
            Ok(loaded) => {
                let book = self.with_what_is_in_force(loaded);
                self.take_over(book);
            }
            // What is in force, if anything, stays so; the agent gives the rest.
            Err(error) => {
                let path = self.files.path().display();
                tracing::error!(%path, %error, "the routes' files can't be read: it is served as before, or not until the agent gives the routes again");
                self.unstored.extend(self.book.owners.keys().cloned());
            }
        }
        self.have_followed().await;
        self.standing = Standing::Leading(None);
        self.start_ordering();
        self.open_control();
        self.line.say(&Ask::Ready);
    }

    /// Takes no more orders. It goes on serving.
    pub(super) async fn release(&mut self) {
        let Standing::Leading(control) = std::mem::replace(&mut self.standing, Standing::Aside) else { return };
        if let Some(control) = control {
            control.close().await;
        }
        // Whatever became of the files meanwhile: the newer process has nothing else to go by.
        let (files, book) = (self.files.clone(), self.book.clone());
        let stored = blocking(move || files.store_all(&book)).await;
        if let Err(error) = stored {
            tracing::error!(
                %error,
                "no hand-over: the newer process would not find the routes in their files; free some space, or mend the disk, then reload again"
            );
            self.standing = Standing::Leading(None);
            self.open_control();
            return self.line.say(&Ask::Kept);
        }
        // Before the next one begins: two must not ask for the same.
        self.stop_ordering().await;
        self.told.clear();
        self.report();
        self.line.say(&Ask::Released);
    }

    pub(super) fn open_control(&mut self) {
        match Control::open(&self.config.socket, &self.wake) {
            Ok(control) => self.standing = Standing::Leading(Some(control)),
            Err(error) => {
                let path = self.config.socket.display();
                tracing::error!(%path, %error, "the control socket can't be opened; it is tried again");
            }
        }
    }

    pub(super) async fn obey(&mut self, order: Order) {
        // Whoever asked may be gone: then nobody hears the answer, and nothing is wrong.
        match order {
            Order::SetRoutes { owner, page, answer } => drop(answer.send(self.set_routes(&owner, page).await)),
            Order::Status { owner, answer } => {
                let counted = self.proxy.status();
                let mut told = status::status(&self.book, &counted, &self.line.elsewhere.borrow(), owner.as_deref());
                if owner.is_none() {
                    told.certificates = self.known_certificates();
                }
                drop(answer.send(told));
            }
            Order::Cut { owner, container, answer } => {
                let ended = self.proxy.cut(&owner, &container);
                tracing::info!(owner, container, ended, "what was under way at a container was ended");
                self.line.say(&Ask::Cut { owner, container });
                let _ = answer.send(ended);
            }
        }
    }

    async fn set_routes(&mut self, owner: &str, page: Page) -> Result<(), Refusal> {
        let page = (!page.routes.is_empty()).then_some(page);
        if !self.unstored.contains(owner) && self.book.owners.get(owner) == page.as_ref() {
            return Ok(());
        }
        let routes = page.as_ref().map_or_else(Vec::new, |page| page.routes.clone());
        if let Some(what) = self.lacking_certificate(owner, &routes).await {
            return Err(Refusal::NoCertificate(what));
        }
        self.make_room(&routes);
        let applied = self.proxy.apply(owner, routes);
        if applied.is_err() {
            self.serve_certificates();
        }
        applied.map_err(Refusal::Apply)?;
        tracing::info!(owner, routes = page.as_ref().map_or(0, |page| page.routes.len()), "routes are in force");
        let has_new_hosts = self.book.turn_page(owner, page);
        self.serve_certificates();
        self.set_readiness();
        if let Err(error) = self.store(owner, has_new_hosts).await {
            // In force, because traffic comes first; without a mark, so that the agent asks again.
            if let Some(page) = self.book.owners.get_mut(owner) {
                page.mark = None;
            }
            return Err(Refusal::NotDurable(error));
        }
        self.have_followed().await;
        Ok(())
    }

    /// An owner's page, and before it the hosts that may be gone back to, if there is a new one. After an error all of it is written next time.
    async fn store(&mut self, owner: &str, has_new_hosts: bool) -> std::io::Result<()> {
        let (files, name, page) = (self.files.clone(), owner.to_owned(), self.book.owners.get(owner).cloned());
        let is_behind = has_new_hosts || self.unstored.contains(owner);
        let accepted = is_behind.then(|| self.book.accepted.clone());
        let written = blocking(move || {
            accepted.map_or(Ok(()), |accepted| files.store_accepted(&accepted))?;
            files.store(&name, page.as_ref())
        })
        .await;
        match &written {
            Ok(()) => drop(self.unstored.remove(owner)),
            Err(error) => {
                self.unstored.insert(owner.to_owned());
                let path = self.files.path().display();
                tracing::error!(%path, %error, "the routes can't be stored: free some space, or mend the disk");
            }
        }
        written
    }

    /// Waits until all who still have connections route by the files as they are now.
    async fn have_followed(&mut self) {
        self.follows += 1;
        let number = self.follows;
        self.line.say(&Ask::Follow { number });
        let mut followed = self.line.followed.clone();
        let all = followed.wait_for(|done| *done == number);
        if tokio::time::timeout(FOLLOW_TIMEOUT, all).await.is_err() {
            tracing::error!("the parent does not say whether older workers follow: is it stopped?");
        }
    }

    /// What was loaded, and what is in force of apps whose file is damaged: until the agent has given it again, nothing better is known.
    fn with_what_is_in_force(&mut self, loaded: Loaded) -> Book {
        let lacking = self.book.owners.iter().filter(|(owner, _)| loaded.lacks(owner));
        let lacking: Vec<_> = lacking.map(|(owner, page)| (owner.clone(), page.clone())).collect();
        self.unstored = lacking.iter().map(|(owner, _)| owner.clone()).collect();
        let mut book = loaded.book;
        book.owners.extend(lacking);
        book
    }

    /// Makes a book the one in force, as far as it can be: one port that somebody else has must not keep the others closed.
    fn take_over(&mut self, book: Book) {
        let gone = self.book.owners.keys().filter(|owner| !book.owners.contains_key(*owner));
        for owner in gone {
            // Without routes nothing can be in the way.
            let _ = self.proxy.apply(owner, vec![]);
        }
        // Before the first client: a name that waits for its certificate must not be shown another's.
        self.certificates.serve(book.routes());
        // Also those that an earlier version has written, which remembered nothing, and those whose port somebody else has now.
        let mut accepted = book.accepted.clone();
        accepted.add(book.routes());
        let pages = book.owners.into_iter().map(|(owner, page)| (owner.clone(), self.take_page(&owner, page)));
        self.book = Book { owners: pages.collect(), accepted };
        self.serve_certificates();
        self.set_readiness();
    }

    fn take_page(&self, owner: &str, mut page: Page) -> Page {
        while let Err(error) = self.proxy.apply(owner, page.routes.clone()) {
            tracing::error!(
                owner,
                error = chain(&error),
                "routes of the files can't be in force; the agent will be asked for them again"
            );
            page.mark = None;
            match error {
                _ if page.routes.is_empty() => break,
                ApplyError::PortTaken { address } | ApplyError::Open { address, .. } => {
                    page.routes.retain(|route| route.listen != address);
                }
                _ => page.routes.clear(),
            }
        }
        page
    }

    /// Answers load balancers by the book.
    pub(super) fn set_readiness(&self) {
        let Some(path) = &self.config.readiness_path else { return };
        for (listen, failing) in self.book.readiness() {
            self.proxy.set_readiness(listen, Some(ReadinessRule { path: path.clone(), failing }));
        }
    }
}
