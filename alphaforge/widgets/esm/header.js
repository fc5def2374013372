// The header: state, money, engine health; theme, pause, and the kill switch that must be held.
const LOGO = `<svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
  <path d="M2 15 L7 3 L10 9 L12 6 L16 15" fill="none" stroke="var(--acc)" stroke-width="2"
        stroke-linejoin="round" stroke-linecap="round"/></svg>`
const MARKS = {up: "●", warn: "◐", bad: "■", mute: "○"}
const HOLD_MS = 1000

export function render({model, el}) {
  const {text, className, element, hold, setTheme} = alphaforge
  el.innerHTML = `
    <div class="logo">${LOGO}AlphaForge</div>
    <span class="pill" role="status" data-k="state"></span>
    <span class="session" data-k="session"></span>
    <span class="sp"></span>
    <span class="kvs"></span>
    <span class="buttons">
      <button type="button" class="btn icon" data-k="theme" aria-label="Switch theme"
              title="Switch between dark and light">◐</button>
      <button type="button" class="btn" data-k="pause"></button>
      <button type="button" class="btn kill" data-k="kill"><i></i><span></span></button>
    </span>`
  const part = Object.fromEntries([...el.querySelectorAll("[data-k]")].map(n => [n.dataset.k, n]))
  const box = el.querySelector(".kvs")
  const cells = new Map()

  const drawState = () => {
    const where = model.simulated ? " · SIM" : ""
    text(part.state, `${MARKS[model.state_tone] ?? "●"} ${model.state}${where}`)
    part.state.title = model.simulated
      ? "Everything here is simulated: nothing connects to a real market" : ""
    className(part.state, `pill ${model.state_tone}`)
    text(part.session, model.session)
    part.session.title = model.session
    className(part.session, model.killed ? "session bad" : "session mute")
    text(part.pause, model.paused ? "Resume" : "Pause")
    part.pause.disabled = !model.can_pause
    part.pause.title = model.paused ? "Let the strategies trade again"
      : "Hold the strategies: they see everything and send no orders; the market goes on"
    part.kill.title = model.killed ? `${model.stopped_by}: nothing trades until you hold this`
      : "Cancel every order and stop trading"
    part.kill.classList.toggle("done", model.killed)
    const words = model.killed ? "■ Re-arm — hold 1 s" : "■ Kill — hold 1 s"
    text(part.kill.lastChild, words)
    part.kill.ariaLabel = model.killed
      ? "Killed. Hold for one second to allow trading again"
      : "Kill switch. Hold for one second to cancel every order and stop trading"
  }
  const drawFigures = () => {
    for (const [label, value, tone] of model.figures) {
      let cell = cells.get(label)
      if (!cell) {
        cell = element("span")
        cells.set(label, cell)
        box.append(element("div", {class: "kv"}, element("small", {}, label), cell))
      }
      text(cell, value)
      className(cell, tone)
    }
  }

  part.theme.onclick = () => {
    setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark")
  }

  part.pause.onclick = () => model.send_msg({do: model.paused ? "resume" : "pause"})
  hold(part.kill, HOLD_MS, () => model.send_msg({do: model.killed ? "arm" : "kill"}))

  drawState()
  drawFigures()
  model.on(["state", "state_tone", "session", "paused", "can_pause", "killed", "stopped_by"], drawState)
  model.on("figures", drawFigures)
}
