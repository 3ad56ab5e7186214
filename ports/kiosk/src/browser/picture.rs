//! A screenshot: the page, and the card over it. The engine draws each for itself.

use std::cell::RefCell;

use image::RgbaImage;

use super::surface::CardPlace;

/// Is done with the picture once.
type Done = Box<dyn FnOnce(Result<RgbaImage, String>)>;

/// A screenshot whose parts come one by one.
pub struct Picture(RefCell<Parts>);

struct Parts {
    page: Option<Result<RgbaImage, String>>,
    card: Card,
    done: Option<Done>,
}

enum Card {
    /// To be drawn here.
    Awaited(CardPlace),
    /// With its place.
    Drawn(RgbaImage, CardPlace),
    /// There is none, or it has gone meanwhile.
    None,
}

impl Picture {
    /// Of a page, and of a card if there is one at that place.
    pub fn new(
        card: Option<CardPlace>,
        done: impl FnOnce(Result<RgbaImage, String>) + 'static,
    ) -> Self {
        Self(RefCell::new(Parts {
            page: None,
            card: card.map_or(Card::None, Card::Awaited),
            done: Some(Box::new(done)),
        }))
    }

    /// The page is drawn, or can't be.
    pub fn add_page(&self, page: Result<RgbaImage, String>) {
        self.0.borrow_mut().page = Some(page);
        self.finish();
    }

    /// The card is drawn, or can't be.
    pub fn add_card(&self, picture: Option<RgbaImage>) {
        let mut parts = self.0.borrow_mut();
        parts.card = match (picture, &parts.card) {
            (Some(picture), Card::Awaited(place)) => Card::Drawn(picture, *place),
            _ => Card::None,
        };
        drop(parts);
        self.finish();
    }

    /// If both are there.
    fn finish(&self) {
        let mut parts = self.0.borrow_mut();
        if matches!(parts.card, Card::Awaited(_)) {
            return;
        }
        let Some(mut page) = parts.page.take() else {
            return;
        };
        if let (Ok(page), Card::Drawn(card, place)) = (&mut page, &parts.card) {
            image::imageops::overlay(page, card, place.x.into(), place.y.into());
        }
        let done = parts.done.take();
        drop(parts);
        if let Some(done) = done {
            done(page);
        }
    }
}
