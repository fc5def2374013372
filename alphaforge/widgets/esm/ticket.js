// The order ticket. What pressing the button does, and why it would be refused, is on the screen
// before it is pressed.
export function render({model, el}) {
  const {text, className, element} = alphaforge
  el.innerHTML = `
    <div class="hd"><b>Ticket</b><span class="sp"></span><span class="mute" data-k="summary"></span></div>
    <form class="frm" novalidate>
      <div class="side" role="group" aria-label="Side">
        <button type="button" class="btn" data-side="buy" aria-label="Buy">▲ Buy</button>
        <button type="button" class="btn" data-side="sell" aria-label="Sell">▼ Sell</button>
      </div>
      <div class="two">
        <label class="fld"><small>Type</small><select class="in" data-p="kind">
          <option value="limit">Limit</option><option value="market">Market</option></select></label>
        <label class="fld"><small>Time in force</small><select class="in" data-p="tif">
          <option>GTC</option><option>IOC</option></select></label>
      </div>
      <div class="two">
        <label class="fld"><small>Quantity <span data-k="base"></span></small>
          <input class="in" data-p="qty" inputmode="decimal" autocomplete="off"></label>
        <label class="fld"><small>Price <span data-k="quote"></span></small>
          <input class="in" data-p="price" inputmode="decimal" autocomplete="off"></label>
      </div>
      <div class="wi" aria-live="off"></div>
      <button type="submit" class="btn go"></button>
      <p class="note" role="status"></p>
      <p class="note" role="status" data-k="answer"></p>
    </form>`
  const form = el.querySelector("form")
  const named = Object.fromEntries([...el.querySelectorAll("[data-k]")].map(n => [n.dataset.k, n]))
  const inputs = Object.fromEntries([...el.querySelectorAll("[data-p]")].map(n => [n.dataset.p, n]))
  const sides = [...el.querySelectorAll("[data-side]")]
  const [what, go, note] = [el.querySelector(".wi"), el.querySelector(".go"), el.querySelector(".note")]

  const drawForm = () => {
    for (const button of sides) {
      const on = button.dataset.side === model.side
      className(button, `btn ${on ? (model.side === "buy" ? "up on" : "dn on") : ""}`)
      button.ariaPressed = String(on)
    }
    for (const [name, input] of Object.entries(inputs)) {
      if (input.value !== model[name]) input.value = model[name]
    }
    inputs.price.disabled = model.kind === "market"
    text(named.base, model.base)
    text(named.quote, model.quote)
    const kind = model.kind === "limit" ? "Limit" : "Market"
    text(named.summary, `${kind} · ${model.tif}`)
  }
  const drawPreview = () => {
    while (what.children.length > model.lines.length) what.lastChild.remove()
    model.lines.forEach(([label, value], i) => {
      const row = what.children[i]
        ?? what.appendChild(element("div", {}, element("small"), element("span")))
      text(row.firstChild, label)
      text(row.lastChild, value)
    })
    text(go, model.label || (model.side === "buy" ? "Buy" : "Sell"))
    className(go, `btn go ${model.side === "buy" ? "up" : "dn"}`)
    go.disabled = model.reason !== ""
    text(note, model.reason ? `■ ${model.reason}` : model.note)
    className(note, model.reason ? "note bad" : "note")
  }
  const drawAnswer = () => {
    const {ok, text: words} = model.answer
    text(named.answer, words ? `${ok ? "✓" : "■"} ${words}` : "")
    className(named.answer, `note ${ok ? "" : "bad"}`)
  }

  for (const button of sides) button.onclick = () => { model.side = button.dataset.side }
  for (const [name, input] of Object.entries(inputs)) {
    input.addEventListener(input.tagName === "SELECT" ? "change" : "input", () => {
      model[name] = input.value
    })
  }
  // Arrow keys step a field by its lot or tick.
  const stepper = (input, step) => input.addEventListener("keydown", event => {
    const sign = {ArrowUp: 1, ArrowDown: -1}[event.key]
    const value = Number(input.value.replaceAll(",", ""))
    if (!sign || !Number.isFinite(value)) return
    event.preventDefault()
    const size = step() * (event.shiftKey ? 10 : 1)
    const decimals = input.value.split(".")[1]?.length ?? 0
    const next = Math.max(0, Math.round((value + sign * size) / step()) * step())
    input.value = alphaforge.number(next, decimals)
    model[input.dataset.p] = input.value
  })
  stepper(inputs.qty, () => model.step_qty)
  stepper(inputs.price, () => model.step_price)
  form.onsubmit = event => {
    event.preventDefault()
    if (!go.disabled) model.send_msg({do: "submit"})
  }

  drawForm()
  drawPreview()
  drawAnswer()
  model.on(["side", "kind", "tif", "qty", "price", "base", "quote"], drawForm)
  model.on(["lines", "label", "reason", "note", "side"], drawPreview)
  model.on("answer", drawAnswer)
}
