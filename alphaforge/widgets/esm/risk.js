// The limits: a bar each, its headroom in words, the limit itself edited in place.
const REFUSED_MS = 8000

export function render({model, el}) {
  const {text, className, element} = alphaforge
  el.innerHTML = `
    <div class="hd"><b>Risk</b><span class="sp"></span>
      <span class="mute hint">double-click a limit to edit</span></div>
    <div class="lim" role="list"></div>`
  const list = el.lastElementChild
  const pool = new Map()       // limit key -> its row
  let editing = null

  const build = key => {
    const node = element("div", {role: "listitem", tabindex: "0"},
      element("p", {}, element("b"), element("small"), element("span")),
      element("div", {class: "bar", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100"},
        element("i")))
    const [name, left, used] = node.firstChild.children
    const row = {node, name, left, used, meter: node.lastChild, bar: node.lastChild.firstChild,
      data: null, refused: "", timer: null}
    node.ondblclick = () => edit(row)
    node.onkeydown = event => {
      if (event.key === "Escape") forgive(row)
      if (event.target === node && event.key === "Enter") {
        event.preventDefault()
        edit(row)
      }
    }
    pool.set(key, row)
    list.append(node)
    return row
  }
  // Said once and long enough to be read; Escape clears it at once.
  const forgive = row => {
    clearTimeout(row.timer)
    row.refused = ""
    draw()
  }
  const draw = () => {
    const keys = new Set(model.rows.map(row => row.key))
    for (const [key, row] of pool) {
      if (keys.has(key)) continue
      row.node.remove()
      pool.delete(key)
    }
    for (const data of model.rows) {
      const row = pool.get(data.key) ?? build(data.key)
      row.data = data
      text(row.name, data.name)
      text(row.left, row.refused || data.left)
      className(row.left, row.refused ? "bad said" : data.tone === "up" ? "" : data.tone)
      if (editing !== row) text(row.used, data.text)
      row.bar.style.width = `${data.used}%`
      className(row.bar, data.tone)
      row.meter.ariaValueNow = String(data.used)
      row.meter.ariaValueText = `${data.text}, ${data.left}`
      row.node.title = row.refused || data.left
      row.node.ariaLabel = `${data.name}: ${data.text}, ${data.left}. Enter to edit`
    }
    let empty = list.querySelector(".empty")
    if (!model.rows.length && !empty) list.append(element("p", {class: "empty"}, "No limits set"))
    else if (model.rows.length) empty?.remove()
  }
  const edit = row => {
    if (editing) return
    editing = row
    row.refused = ""
    const input = element("input", {class: "in", inputmode: "decimal", "aria-label": `${row.data.name} limit`})
    input.value = row.data.limit
    row.used.replaceChildren(input)
    const end = send => {
      if (editing !== row) return
      editing = null
      if (send && input.value !== row.data.limit) {
        model.send_msg({do: "limit", key: row.data.key, value: input.value})
      }
      row.used.replaceChildren()
      row.node.focus()
      draw()
    }
    input.onkeydown = event => {
      event.stopPropagation()
      if (event.key === "Enter") end(true)
      if (event.key === "Escape") end(false)
    }
    input.onblur = () => end(false)
    input.focus()
    input.select()
  }
  model.on("rows", draw)
  model.on("answer", () => {
    const row = pool.get(model.answer.key)
    if (!row) return
    forgive(row)
    if (!model.answer.refused) return
    row.refused = `refused: ${model.answer.refused}`
    row.timer = setTimeout(() => forgive(row), REFUSED_MS)
    draw()
  })
  draw()
}
