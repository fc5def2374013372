// Tells Python which frame this page has taken in. Python holds the next ones back until then, so
// a slow browser gets fewer frames instead of a growing queue of old ones.
export function render({model, el}) {
  el.hidden = true
  const echo = () => { model.seen = model.sent }
  model.on("sent", echo)
  echo()
}
