// HTML above the Bokeh canvas: the price tag on the axis, the hover readout, notices, and the
// working orders as lines to drag. The root lets the pointer through; only the grips take it, so
// pan, zoom and crosshair still reach the figure.
const STEPS = {ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10}
const CONFIRM_MS = 8000

export function render({model, el}) {
  const {number, text, className, element} = alphaforge
  const readout = element("div", {class: "readout num", "aria-hidden": "true"})
  const line = element("div", {class: "pline"})
  const tag = element("div", {class: "ptag"})
  const cross = element("div", {class: "ptag ghost"})
  const notice = element("div", {class: "notice", role: "status"})
  const answer = element("div", {class: "answer bad", role: "alert"})
  el.append(line, readout, notice, answer, tag, cross)

  const lines = new Map()      // order id -> {node, order, moved: price the person asks for or null}
  let view = null              // the figure's view, once Bokeh has drawn it
  let bars = null              // its bars, the very data the candles are drawn from
  let pointer = null           // {x, y} inside the figure, or null
  const price = value => number(value, model.decimals)
  const snap = value => Math.round(value / model.tick) * model.tick

  // ------------------------------------------------------------------ placing

  const put = (node, y, x) => {
    const box = view.frame.bbox
    const inside = Number.isFinite(y) && y >= box.top && y <= box.bottom
    node.hidden = !inside
    if (inside) node.style.transform = `translate(${x}px, ${Math.round(y)}px)`
  }
  const place = () => {
    if (!view) return
    const {bbox: box, y_scale: scale} = view.frame
    const y = model.last === null ? NaN : scale.compute(model.last)
    put(tag, y, box.right + 2)
    put(line, y, box.left)
    line.style.width = `${box.width}px`
    if (model.last !== null) text(tag, price(model.last))
    for (const entry of lines.values()) {
      entry.node.style.width = `${box.width}px`
      put(entry.node, scale.compute(entry.moved ?? entry.order.price), box.left)
    }
    drawPointer()
  }

  // ------------------------------------------------------------------ hover

  const drawPointer = () => {
    const {bbox: box, x_scale: xs, y_scale: ys} = view.frame
    const over = pointer && pointer.x >= box.left && pointer.x <= box.right
      && pointer.y >= box.top && pointer.y <= box.bottom
    cross.hidden = !over
    if (over) {
      put(cross, pointer.y, box.right + 2)
      text(cross, price(snap(ys.invert(pointer.y))))
    }
    const data = bars.data
    const rows = data.index?.length ?? 0
    if (!rows) return text(readout, "")
    const at = over ? Math.round(xs.invert(pointer.x)) - data.index[0] : rows - 1
    drawReadout(data, Math.max(0, Math.min(rows - 1, at)))
  }
  const drawReadout = (data, row) => {
    const when = new Date(data.ts_open_ms[row]).toISOString()
    const rising = data.close[row] >= data.open[row]
    if (!readout.firstChild) {
      for (const label of ["", "O ", "H ", "L ", "C ", "V "]) {
        readout.append(element("span", {}, label, element("b")))
      }
    }
    const width = view.frame.bbox.width
    readout.style.maxWidth = `${width - 12}px`
    readout.lastChild.hidden = width < 500
    const date = width > 620 ? `${when.slice(0, 10)} ` : ""
    const values = [`${date}${when.slice(11, 19)} UTC`,
      price(data.open[row]), price(data.high[row]), price(data.low[row]), price(data.close[row]),
      number(data.volume[row], 3)]
    values.forEach((value, i) => text(readout.children[i].lastChild, value))
    className(readout.children[4].lastChild, rising ? "up" : "dn")
  }

  // ------------------------------------------------------------------ working orders

  const ask = entry => {       // a drag or a key has moved the line: nothing is sent until it's said
    entry.node.classList.add("ask")
    clearTimeout(entry.timer)
    entry.timer = setTimeout(() => forget(entry), CONFIRM_MS)
    label(entry)
  }
  const forget = entry => {
    clearTimeout(entry.timer)
    entry.moved = null
    entry.node.classList.remove("ask", "drag")
    label(entry)
    place()
  }
  const confirm = entry => {
    model.send_msg({do: "replace", id: entry.order.id, price: entry.moved})
    clearTimeout(entry.timer)
    entry.node.classList.remove("ask")
    entry.sent = entry.moved   // stay there until the engine says where the order is
    entry.timer = setTimeout(() => forget(entry), 1500)
    entry.node.focus()
  }
  const label = entry => {
    const {order, moved} = entry
    const target = moved === null ? ` · ${price(order.price)}` : ` → ${price(moved)}`
    text(entry.words, order.text + target)
    entry.node.ariaValueNow = moved ?? order.price
    entry.node.ariaValueText = order.text + target
  }
  const build = order => {
    const words = element("span", {class: "words"})
    const yes = element("button", {type: "button", class: "yes"}, "Move")
    const no = element("button", {type: "button", class: "no"}, "Keep")
    const cancel = element("button",
      {type: "button", class: "x", "aria-label": "Cancel order", title: "Cancel order"}, "×")
    const node = element("div", {class: "oline", tabindex: "0", role: "slider"},
      element("u"), words, yes, no, cancel)
    const entry = {node, words, order, moved: null, sent: null, timer: null}
    yes.onclick = () => confirm(entry)
    no.onclick = () => forget(entry)
    cancel.onclick = () => model.send_msg({do: "cancel", id: entry.order.id})
    drag(entry)
    node.onkeydown = event => {
      if (event.target !== node) return
      const step = STEPS[event.key]
      if (step) {
        event.preventDefault()
        entry.moved = snap((entry.moved ?? entry.order.price) + step * model.tick)
        ask(entry)
        place()
      } else if (event.key === "Enter" && entry.moved !== null) confirm(entry)
      else if (event.key === "Escape") forget(entry)
      else if (event.key === "Delete") model.send_msg({do: "cancel", id: entry.order.id})
    }
    el.append(node)
    return entry
  }
  const drag = entry => {
    let from = null
    entry.node.onpointerdown = event => {
      if (event.target.tagName === "BUTTON" || event.button !== 0) return
      entry.node.setPointerCapture(event.pointerId)
      clearTimeout(entry.timer)
      from = {y: event.clientY, at: view.frame.y_scale.compute(entry.moved ?? entry.order.price)}
      entry.node.classList.add("drag")
    }
    entry.node.onpointermove = event => {
      if (!from) return
      entry.moved = snap(view.frame.y_scale.invert(from.at + event.clientY - from.y))
      label(entry)
      place()
    }
    entry.node.onpointerup = entry.node.onlostpointercapture = () => {
      if (!from) return
      from = null
      entry.node.classList.remove("drag")
      if (entry.moved !== null && Math.abs(entry.moved - entry.order.price) > model.tick / 2) {
        ask(entry)
      } else forget(entry)
    }
  }
  const sync = () => {
    if (!view) return
    const ids = new Set(model.orders.map(order => order.id))
    for (const [id, entry] of lines) {
      if (ids.has(id)) continue
      clearTimeout(entry.timer)
      entry.node.remove()
      lines.delete(id)
    }
    for (const order of model.orders) {
      if (!lines.has(order.id)) lines.set(order.id, build(order))
      const entry = lines.get(order.id)
      entry.order = order
      if (entry.sent !== null && Math.abs(order.price - entry.sent) < model.tick / 2) {
        entry.sent = null
        forget(entry)
      }
      entry.node.style.setProperty("--c", `var(--${order.side > 0 ? "up" : "dn"})`)
      label(entry)
    }
    place()
  }

  // ------------------------------------------------------------------ words

  const drawNotice = () => {
    const [tone, words] = model.notice
    notice.hidden = !words
    if (words) {
      text(notice, `${tone === "bad" ? "■" : tone === "warn" ? "◐" : "○"} ${words}`)
      className(notice, `notice ${tone}`)
    }
  }
  const drawAnswer = () => {
    answer.hidden = !model.answer
    text(answer, model.answer ? `Not moved: ${model.answer}` : "")
  }

  // ------------------------------------------------------------------ the figure

  // Bokeh rings the canvas whenever it has focus; a mouse click should not.
  const quietFocus = surface => {
    surface?.addEventListener("pointerdown", () => { surface.style.outlineWidth = "0" })
    surface?.addEventListener("blur", () => { surface.style.outlineWidth = "" })
  }
  const attach = () => {
    for (const candidate of Bokeh.index.query(v => v.model.name === model.figure)) view = candidate
    if (!view?.frame?.bbox.width) {
      view = null
      return setTimeout(attach, 30)
    }
    bars = view.model.document.get_model_by_name("candles")
      ?? view.model.renderers[0].data_source
    for (const range of [view.model.x_range, view.model.y_range]) range.change.connect(place)
    view.model.properties.inner_height.change.connect(place)
    view.model.properties.inner_width.change.connect(place)
    bars.properties.data.change.connect(place)
    bars.patching?.connect(place)
    const frame = el.getRootNode().host.closest(".canvas")
    quietFocus(view.canvas_view?.events_el)
    frame.addEventListener("pointermove", event => {
      const box = frame.getBoundingClientRect()
      pointer = {x: event.clientX - box.left, y: event.clientY - box.top}
      drawPointer()
    })
    frame.addEventListener("pointerleave", () => {
      pointer = null
      drawPointer()
    })
    sync()
  }
  drawNotice()
  drawAnswer()
  model.on(["last", "decimals"], place)
  model.on("orders", sync)
  model.on("notice", drawNotice)
  model.on("answer", drawAnswer)
  attach()
}
