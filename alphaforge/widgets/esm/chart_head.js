// The chart's head: which instrument, its last price, which bars, which averages, back to live.
export function render({model, el}) {
  const {text, className, element, segment} = alphaforge
  el.innerHTML = `<div class="hd">
    <select class="symbol" aria-label="Instrument"></select>
    <span class="num px"></span><span class="num ch"></span>
    <span class="sp"></span>
    <button type="button" class="btn small live" hidden>To live ▸</button>
    <span class="seg specs" role="group" aria-label="Bars"></span>
    <span class="seg lines" role="group" aria-label="Averages"></span>
    <span class="mute zone">UTC</span></div>`
  const find = selector => el.querySelector(selector)
  const [symbol, price, change] = [find(".symbol"), find(".px"), find(".ch")]
  const [live, specs, lines] = [find(".live"), find(".specs"), find(".lines")]

  const drawSymbols = () => {
    symbol.replaceChildren(...model.symbols.map(name => element("option", {value: name}, name)))
    symbol.value = model.symbol
    symbol.classList.toggle("only", model.symbols.length < 2)
    symbol.disabled = model.symbols.length < 2
  }
  const drawPrice = () => {
    text(price, model.last)
    text(change, model.since_start)
    className(change, `num ch ${model.tone}`)
  }
  const drawChoices = () => {
    symbol.value = model.symbol
    segment(specs, model.specs, item => item === model.spec, item => { model.spec = item })
    segment(lines, model.lines, item => model.shown.includes(item), item => {
      model.shown = model.shown.includes(item)
        ? model.shown.filter(other => other !== item)
        : [...model.shown, item]
    })
    live.hidden = model.follow
  }
  symbol.onchange = () => { model.symbol = symbol.value }
  live.onclick = () => model.send_msg({do: "live"})

  drawSymbols()
  drawPrice()
  drawChoices()
  model.on("symbols", drawSymbols)
  model.on(["last", "since_start", "tone"], drawPrice)
  model.on(["symbol", "spec", "specs", "lines", "shown", "follow"], drawChoices)
}
