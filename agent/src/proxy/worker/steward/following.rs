//! A worker that does not lead: reads the files whenever the leader has changed it, so that a client that is still connected here gets no
//! other container than one that connects anew. Not here: leading.

use super::super::book::Book;
use super::super::status;
use super::Steward;
use crate::disk::blocking;
use crate::proxy::message::Ask;

impl Steward {
    /// Routes by the files, as far as its own ports go: new ones are the leader's alone.
    pub(super) async fn follow_files(&mut self, number: u64) {
        let files = self.files.clone();
        match blocking(move || files.read()).await {
            Ok(loaded) if loaded.is_whole() => self.follow_book(loaded.book),
            Ok(_) => {
                tracing::error!("a file of the routes is damaged, so its changes can't be followed");
                self.stick();
            }
            Err(error) => {
                tracing::error!(%error, "the routes' files can't be read, so their changes can't be followed");
                self.stick();
            }
        }
        self.report();
        self.line.say(&Ask::Followed { number });
    }

    fn follow_book(&mut self, mut book: Book) {
        let ports = self.ports();
        for page in book.owners.values_mut() {
            page.routes.retain(|route| ports.contains(&route.listen));
        }
        let gone = self.book.owners.keys().filter(|owner| !book.owners.contains_key(*owner)).cloned();
        let all = gone.map(|owner| (owner, vec![])).collect::<Vec<_>>();
        let all = all.into_iter().chain(book.owners.iter().map(|(owner, page)| (owner.clone(), page.routes.clone())));
        for (owner, routes) in all {
            match self.proxy.apply(&owner, routes) {
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(
                        owner,
                        error = crate::session::chain(&error),
                        "a change of the routes can't be followed"
                    );
                    return self.stick();
                }
            }
        }
        self.book = book;
        self.set_readiness();
    }

    /// Whatever it routes to now it goes on routing to, until it ends. So each of these containers counts as having something under way:
    /// they must not be stopped meanwhile.
    fn stick(&mut self) {
        for (owner, page) in &self.book.owners {
            let chosen = page.routes.iter().filter(|route| !route.holding).flat_map(status::chosen);
            self.stuck.extend(chosen.map(|upstream| (owner.clone(), upstream.id.clone())));
        }
    }
}
