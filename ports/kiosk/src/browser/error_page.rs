//! The page that is shown in place of the engine's page about a load that has failed.

use serde_json::{Value, json};
use servo::WebView;
use url::Url;

use super::script;

/// The titles of the engine's pages. Nothing else tells the embedder that a load has failed.
pub const ENGINE_TITLES: &[&str] = &["Error loading page", "Certificate error"];

/// The title of the kiosk's page.
pub const TITLE: &str = "Page not loaded";

const PAGE: &str = include_str!("../../resources/failed.html");

/// In the page: whether it is one of the engine's, not only by its title; then it is replaced, and its reason returned. The
/// engine's page about a certificate would let anybody accept that.
const COVER: &str = r#"(({ html, start }) => {
  const { body } = document;
  const text = body?.firstElementChild?.textContent ?? '';
  const beginning = 'Could not load the requested page: ';
  const is_about_certificate = body?.querySelector('#leave + #allow') && body.querySelector('#bytes');
  if (!is_about_certificate && !(body?.childElementCount === 1 && text.startsWith(beginning))) return null;
  const reason = is_about_certificate ? text : text.slice(beginning.length);
  document.documentElement.innerHTML = html;
  document.getElementById('reason').textContent = reason;
  const link = document.getElementById('start');
  if (location.href === start) link.remove(); else link.href = start;
  return reason;
})"#;

/// Replaces the engine's page, if it is one, and tells its reason.
pub fn cover(page: &WebView, start: &Url, done: impl FnOnce(String) + 'static) {
    let arguments = json!({"html": PAGE, "start": start});
    script::evaluate(page, &format!("{COVER}({arguments})"), move |result| {
        if let Ok(Value::String(reason)) = result {
            done(reason);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_its_title() {
        assert!(PAGE.contains(&format!("<title>{TITLE}</title>")));
    }
}
