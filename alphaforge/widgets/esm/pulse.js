// Tells Python which frame this page has taken in. Python holds the next ones back until then, so
// a slow browser gets fewer frames instead of a growing queue of old ones. And tells it the theme:
// what is drawn on a canvas takes its colours from Python.
export function render({model, el}) {
  el.hidden = true
  const echo = () => { model.seen = model.sent }
  model.on("sent", echo)
  echo()
  const follow = () => { model.theme = document.documentElement.dataset.theme }
  addEventListener("af-theme", follow)
  model.on("remove", () => removeEventListener("af-theme", follow))
  follow()
}
