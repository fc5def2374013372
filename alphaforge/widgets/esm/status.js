// The status bar. It also notices when frames stop coming: then the page itself is what is stale.
const SILENCE_MS = 3000

export function render({model, el}) {
  const {text, className, element} = alphaforge
  el.innerHTML = `
    <span class="pill" role="status"></span>
    <span class="num"><span></span> <span class="mute">UTC</span></span>
    <span class="stats"></span>`
  const [pill, clock, stats] = el.children
  const cells = []
  let heard = performance.now()

  const drawEngine = () => {
    const silent = performance.now() - heard
    if (silent > SILENCE_MS) {
      text(pill, `■ DISCONNECTED ${Math.floor(silent / 1000)} s`)
      className(pill, "pill bad")
    } else {
      const mark = model.tone === "up" ? "●" : model.tone === "bad" ? "■" : "◐"
      text(pill, `${mark} ${model.engine}`)
      className(pill, `pill ${model.tone === "up" ? "acc" : model.tone}`)
    }
    document.documentElement.classList.toggle("disconnected", silent > SILENCE_MS)
  }
  const draw = () => {
    heard = performance.now()
    text(clock.firstElementChild, model.clock)
    model.items.forEach(([label, value, tone], i) => {
      if (!cells[i]) {
        const box = element("span", {class: "stat"}, element("small"), element("b"))
        stats.append(box)
        cells[i] = box.children
      }
      text(cells[i][0], label)
      text(cells[i][1], value)
      className(cells[i][1], tone)
    })
    drawEngine()
  }
  draw()
  model.on(["beat", "engine"], draw)
  const timer = setInterval(drawEngine, 1000)
  model.on("remove", () => clearInterval(timer))
}
