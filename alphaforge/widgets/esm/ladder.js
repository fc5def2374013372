// The depth ladder: asks above, bids below, the last price between. Rows are built once for the
// height there is and then only rewritten. A click, or Enter on the marked row, picks its price.
const ROW_PX = 20
const MIDDLE_PX = 30

export function render({model, el}) {
  const {number, text, className, element} = alphaforge
  el.innerHTML = `
    <div class="hd"><b>Depth</b><span class="sp"></span><span class="mute num"></span></div>
    <div class="lad" tabindex="0" role="listbox" aria-label="Depth: Enter puts a price in the ticket">
    </div>`
  const [head, ladder] = el.children
  const spread = head.lastElementChild
  let rows = []                // {node, bar, price, own, qty, value} from the highest price down
  let middle = null
  let marked = -1

  const level = side => {
    const node = element("div", {class: `lv ${side}`, role: "option", "aria-selected": "false"},
      element("em"), element("span", {class: "p"}), element("span", {class: "own"}),
      element("span", {class: "q"}))
    const [bar, price, own, qty] = node.children
    const row = {node, bar, price, own, qty, value: null}
    node.onclick = () => pick(row)
    return row
  }
  const build = count => {
    rows = Array.from({length: 2 * count}, (_, i) => level(i < count ? "dn" : "up"))
    middle = element("div", {class: "mid", role: "presentation"},
      element("span"), element("span", {class: "mute"}))
    const nodes = rows.map(row => row.node)
    nodes.splice(count, 0, middle)
    ladder.replaceChildren(...nodes)
    marked = -1
  }
  const pick = row => {
    if (row.value !== null) model.send_msg({do: "price", price: row.value})
  }
  const mark = at => {
    rows[marked]?.node.setAttribute("aria-selected", "false")
    marked = Math.max(0, Math.min(rows.length - 1, at))
    rows[marked].node.setAttribute("aria-selected", "true")
  }

  const draw = () => {
    const book = model.book
    const known = Math.max(book.ask_price?.length ?? 0, book.bid_price?.length ?? 0)
    ladder.classList.toggle("empty", known === 0)
    if (!known) {
      rows = []
      ladder.replaceChildren(element("p", {class: "empty"}, "No depth published"))
      return
    }
    const room = Math.floor((ladder.clientHeight - MIDDLE_PX) / 2 / ROW_PX)
    const count = Math.max(3, Math.min(known, room || known))
    if (rows.length !== 2 * count) build(count)
    let most = 1e-12
    for (const side of ["ask", "bid"]) {
      for (let i = 0; i < count; i++) most = Math.max(most, book[`${side}_qty`][i] ?? 0)
    }
    for (let i = 0; i < count; i++) {
      fill(rows[count - 1 - i], book, "ask", i, most)
      fill(rows[count + i], book, "bid", i, most)
    }
    drawMiddle()
  }
  const fill = (row, book, side, i, most) => {
    const price = book[`${side}_price`][i]
    row.value = price ?? null
    const qty = book[`${side}_qty`][i] ?? 0
    const own = book[`${side}_own`][i] ?? 0
    row.bar.style.width = `${((100 * qty) / most).toFixed(1)}%`
    text(row.price, price === undefined ? "" : number(price, model.price_decimals))
    text(row.qty, price === undefined ? "" : number(qty, model.qty_decimals))
    text(row.own, own ? `▸ ${number(own, model.qty_decimals)}` : "")
  }
  const drawMiddle = () => {
    if (!middle || model.last === null) return
    const arrow = model.rising ? "▲" : "▼"
    text(middle.firstChild, `${arrow} ${number(model.last, model.price_decimals)}`)
    className(middle.firstChild, model.rising ? "up" : "dn")
    const words = model.spread === null ? "" : number(model.spread, model.price_decimals)
    text(middle.lastChild, words && `spread ${words}`)
    text(spread, words)
  }

  ladder.onkeydown = event => {
    const half = rows.length / 2
    if (event.key === "ArrowDown") mark(marked < 0 ? half : marked + 1)
    else if (event.key === "ArrowUp") mark(marked < 0 ? half - 1 : marked - 1)
    else if (event.key === "Enter" && marked >= 0) pick(rows[marked])
    else return
    event.preventDefault()
  }
  const observer = new ResizeObserver(draw)
  observer.observe(ladder)
  model.on("remove", () => observer.disconnect())
  model.on(["book", "price_decimals", "qty_decimals"], draw)
  model.on(["last", "rising", "spread"], drawMiddle)
  draw()
}
