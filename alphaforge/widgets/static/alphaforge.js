// What the components share: the theme, number formats, and small DOM gestures.
// Component modules are loaded from blobs and can't import each other, so this hangs on one global.
globalThis.alphaforge = (() => {
  const root = document.documentElement

  // The ticket has done its work by the time this runs: keep it out of history and screenshots.
  const address = new URL(location.href)
  if (address.searchParams.has("ticket")) {
    address.searchParams.delete("ticket")
    history.replaceState(null, "", address)
  }

  const themes = ["dark", "light"]
  function setTheme(name) {
    if (!themes.includes(name) || root.dataset.theme === name) return
    if (root.dataset.live === "False") {
      // A finished run is drawn once, in one theme: ask for it in the other.
      address.searchParams.set("th", name)
      location.replace(address)
      return
    }
    root.dataset.theme = name
    dispatchEvent(new CustomEvent("af-theme", {detail: name}))
  }

  // Alone, a page takes the system's theme; in JupyterLab the address says which one.
  const follows = root.dataset.follows === "True"
  if (follows && !address.searchParams.has("th")) {
    setTheme(matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark")
  }

  // JupyterLab tells its theme. Only a page of the same host may: another port is fine (the
  // notebook server), another machine is not.
  addEventListener("message", event => {
    if (!follows) return
    let host = null
    try {
      host = new URL(event.origin).hostname
    } catch {
      return
    }
    if (host === location.hostname && typeof event.data?.af_theme === "string") {
      setTheme(event.data.af_theme)
    }
  })

  const formats = new Map()
  function number(value, decimals) {
    let format = formats.get(decimals)
    if (!format) {
      format = new Intl.NumberFormat("en-US", {
        minimumFractionDigits: decimals,
        maximumFractionDigits: decimals,
      })
      formats.set(decimals, format)
    }
    return format.format(value).replace("-", "\u2212")
  }

  // Touching a node that already says so would cost a layout and lose a text selection.
  function text(node, value) {
    if (node.textContent !== value) node.textContent = value
  }

  function className(node, value) {
    if (node.className !== value) node.className = value
  }

  function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag)
    for (const [key, value] of Object.entries(attributes)) {
      if (value === true) node.setAttribute(key, "")
      else if (value !== false && value != null) node.setAttribute(key, value)
    }
    node.append(...children)
    return node
  }

  // A row of buttons of which one or several are on. Rebuilt only when the items change.
  function segment(box, items, isOn, choose) {
    const key = JSON.stringify(items)
    if (box.dataset.items !== key) {
      box.dataset.items = key
      box.replaceChildren(...items.map(item => {
        const button = element("button", {type: "button"}, item)
        button.onclick = () => choose(item)
        return button
      }))
    }
    items.forEach((item, i) => {
      className(box.children[i], isOn(item) ? "on" : "")
      box.children[i].ariaPressed = String(isOn(item))
    })
  }

  // A deliberate gesture: the button must be held, by pointer or by Space/Enter, for `ms`.
  function hold(button, ms, done) {
    let timer = null
    const start = () => {
      if (timer !== null) return
      button.classList.add("hold")
      timer = setTimeout(() => {
        stop()
        done()
      }, ms)
    }
    const stop = () => {
      clearTimeout(timer)
      timer = null
      button.classList.remove("hold")
    }
    button.onpointerdown = event => {
      if (event.button !== 0) return
      button.setPointerCapture(event.pointerId)
      start()
    }
    button.onpointerup = button.onpointercancel = button.onlostpointercapture = stop
    button.onblur = stop
    button.onkeydown = event => {
      if (event.key !== " " && event.key !== "Enter") return
      event.preventDefault()
      if (!event.repeat) start()
    }
    button.onkeyup = stop
    button.oncontextmenu = event => event.preventDefault()
  }

  return {setTheme, number, text, className, element, segment, hold}
})()
