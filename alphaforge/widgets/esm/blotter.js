// Tabs and one table. Rows are reused and a cell is touched only when its text changes, so a
// selection, a focus or a hover survives the stream. A tab may open a pane beside us instead.
export function render({model, el}) {
  const {text, className, element} = alphaforge
  el.innerHTML = `
    <div class="tabs" role="tablist" aria-label="Blotter"></div>
    <div class="scroll" role="tabpanel" tabindex="0">
      <table><thead><tr></tr></thead><tbody></tbody></table><p class="empty" hidden></p></div>`
  const [tabs, panel] = el.children
  const [heads, body, empty] = [el.querySelector("thead tr"), el.querySelector("tbody"), panel.lastChild]
  let sort = null              // {column, sign}
  let shown = ""               // the columns that the table is built for
  let pool = []

  // ------------------------------------------------------------------ tabs

  const drawTabs = () => {
    const names = model.tabs.map(([name]) => name)
    if (tabs.children.length !== names.length) {
      tabs.replaceChildren(...names.map(name => {
        const tab = element("button", {type: "button", role: "tab"}, name, element("i"))
        tab.onclick = () => { model.active = name }
        return tab
      }))
    }
    model.tabs.forEach(([name, count], i) => {
      const tab = tabs.children[i]
      const on = name === model.active
      tab.ariaSelected = String(on)
      tab.tabIndex = on ? 0 : -1
      className(tab, on ? "on" : name === "Alerts" && count ? "call" : "")
      text(tab.lastChild, String(count))
    })
    panel.ariaLabel = model.active
    const beside = el.getRootNode().host?.closest("section")?.querySelectorAll(":scope > .pane")
    beside?.forEach(pane => { pane.hidden = pane.dataset.tab !== model.active })
  }
  tabs.onkeydown = event => {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key]
    if (!step) return
    const names = model.tabs.map(([name]) => name)
    const next = (names.indexOf(model.active) + step + names.length) % names.length
    model.active = names[next]
    tabs.children[next].focus()
  }

  // ------------------------------------------------------------------ head

  const drawHead = () => {
    const key = JSON.stringify(model.head)
    if (key === shown) return
    shown = key
    sort = null
    pool = []
    body.replaceChildren()
    const left = new Set(model.head.text)
    heads.replaceChildren(...model.head.columns.map((name, column) => {
      const button = element("button", {type: "button"}, name)
      button.onclick = () => {
        const same = sort?.column === column
        sort = !same ? {column, sign: -1} : sort.sign < 0 ? {column, sign: 1} : null
        drawRows()
      }
      return element("th", {scope: "col", class: left.has(column) ? "t" : ""}, button)
    }), element("th", {class: "act", "aria-label": "Action"}))
  }

  // ------------------------------------------------------------------ rows

  const value = words => {
    const digits = Number.parseFloat(words.replace(/[^0-9.]/g, ""))
    if (Number.isNaN(digits)) return words
    return /[\u2212▼]/.test(words) ? -digits : digits
  }
  const sorted = () => {
    if (!sort) return model.rows
    const {column, sign} = sort
    const free = model.rows.filter(row => !row.pinned)
    free.sort((a, b) => {
      const [x, y] = [value(a.cells[column][0]), value(b.cells[column][0])]
      return (x > y ? 1 : x < y ? -1 : 0) * sign
    })
    return [...free, ...model.rows.filter(row => row.pinned)]
  }
  const build = () => {
    const [left, words] = [new Set(model.head.text), new Set(model.head.words)]
    const tr = element("tr", {}, ...model.head.columns.map((_, column) =>
      element("td", {class: `${left.has(column) ? "t" : ""} ${words.has(column) ? "w" : ""}`},
        element("span"), element("small"))))
    const button = element("button", {type: "button", class: "btn small"})
    tr.append(element("td", {class: "act"}, button))
    const row = {tr, button, data: null}
    button.onclick = () => model.send_msg({do: row.data.action[1], key: row.data.key})
    body.append(tr)
    return row
  }
  const drawRows = () => {
    const rows = sorted()
    heads.querySelectorAll("th").forEach((th, column) => {
      th.ariaSort = sort?.column === column ? (sort.sign > 0 ? "ascending" : "descending") : "none"
    })
    while (pool.length < rows.length) pool.push(build())
    while (pool.length > rows.length) pool.pop().tr.remove()
    rows.forEach((data, i) => {
      const row = pool[i]
      row.data = data
      data.cells.forEach(([words, tone, note], column) => {
        const [span, small] = row.tr.children[column].children
        text(span, words)
        className(span, tone)
        text(small, note)
      })
      row.button.hidden = !data.action
      if (data.action) {
        text(row.button, data.action[0])
        row.button.ariaLabel = `${data.action[0]} ${data.cells[0][0]}`
      }
      className(row.tr, data.pinned ? "pinned" : "")
    })
    empty.hidden = rows.length > 0 || !model.head.empty
    text(empty, model.head.empty ?? "")
    el.querySelector("table").hidden = rows.length === 0
  }

  const draw = () => {
    drawTabs()
    drawHead()
    drawRows()
  }
  draw()
  model.on(["tabs", "active"], drawTabs)
  // Head and rows arrive together; drawing once per batch is enough.
  model.on(["rows", "head"], () => {
    drawHead()
    if (model.rows.every(row => row.cells.length === model.head.columns.length)) drawRows()
  })
}
