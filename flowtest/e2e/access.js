// Returns what is wrong with the page that it runs in, one sentence each: what
// can be told from structure and computed styles (WCAG 2.2: 1.3.1, 1.3.5, 1.4.3,
// 1.4.10, 2.4.2, 2.5.8, 3.1.1, 3.3.1, 4.1.2).
(() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 0 && e.getBoundingClientRect().right > 0;
  const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.className && e.className.baseVal === undefined ? "." + e.className.replaceAll(" ", ".") : "");
  const say = (e, what) => faults.push(name(e) + " " + what);

  // Structure.
  const root = document.documentElement;
  if (!root.lang) faults.push("the page has no language");
  if (!document.title) faults.push("the page has no title");
  if (all("h1").filter(seen).length !== 1) faults.push("there are " + all("h1").filter(seen).length + " h1");
  if (all("main").length !== 1) faults.push("there are " + all("main").length + " main");
  const ids = all("[id]").map((e) => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push("the id " + id + " is there twice");
  let level = 0;
  for (const h of all("h1,h2,h3,h4")) {
    if (Number(h.tagName[1]) > level + 1 && level > 0) say(h, "skips a level of headings");
    level = Number(h.tagName[1]);
  }
  for (const e of all("[tabindex]")) if (e.tabIndex > 0) say(e, "changes the order of tabs");
  for (const e of all("img:not([alt])")) say(e, "has no alt");

  // Fields and buttons.
  const fields = all("input:not([type=hidden]),select,textarea");
  const text = (id) => document.getElementById(id)?.innerText?.trim() ?? "";
  for (const e of fields) {
    const label = [...e.labels].map((l) => l.innerText.trim()).join("") || e.getAttribute("aria-label");
    if (!label) say(e, "has no label");
    for (const id of (e.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean)) if (!text(id)) say(e, "is described by " + id + ", which says nothing");
  }
  for (const e of all("button,a")) if (seen(e) && !e.innerText.trim() && !e.getAttribute("aria-label") && !e.getAttribute("aria-labelledby")) say(e, "has no name");
  for (const e of all(".wrong")) {
    const field = all('[aria-describedby~="' + e.id + '"]')[0];
    if (field?.getAttribute("aria-invalid") !== "true") say(e, "belongs to no field that is marked invalid");
  }
  for (const e of all("[aria-invalid=true]")) if (!e.getAttribute("aria-describedby")) say(e, "does not say what is wrong");
  const tokens = { fullName: "name", email: "email", password: "new-password", phone: "tel-national", code: "one-time-code" };
  if (document.querySelector("form[action='/login']")) Object.assign(tokens, { email: "username", password: "current-password" });
  for (const e of all("input.code")) tokens[e.id] = "one-time-code";
  for (const e of fields) if (tokens[e.id] && e.autocomplete !== tokens[e.id]) say(e, "autocompletes " + e.autocomplete + ", not " + tokens[e.id]);
  for (const e of all(".summary")) {
    if (e.getAttribute("role") !== "alert") say(e, "is no alert");
    for (const a of e.querySelectorAll("a[href^='#']")) if (!document.getElementById(a.hash.slice(1))) say(a, "leads nowhere: " + a.hash);
  }

  // Contrast of texts, against the backgrounds behind them.
  const channels = (color) => {
    const n = color.match(/[\d.]+/g)?.map(Number);
    if (!n || !/^rgba?\(/.test(color)) return null;
    return [n[0], n[1], n[2], n[3] ?? 1];
  };
  const over = (top, below, alpha) => top.slice(0, 3).map((c, i) => c * top[3] * alpha + below[i] * (1 - top[3] * alpha));
  const behind = (e) => {
    const chain = [];
    for (let p = e; p; p = p.parentElement) chain.unshift(p);
    let color = matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255];
    for (const p of chain) color = over(channels(getComputedStyle(p).backgroundColor) ?? [0, 0, 0, 0], color, 1);
    return color;
  };
  const faded = (e) => {
    let opacity = 1;
    for (let p = e; p; p = p.parentElement) opacity *= Number(getComputedStyle(p).opacity);
    return opacity;
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (e, style, what) => {
    const ink = channels(style.color);
    if (!ink) return say(e, "has a colour that this test cannot read: " + style.color);
    const back = behind(e);
    const own = e.tagName === "INPUT" && what === "placeholder" ? Number(style.opacity) : 1;
    const pair = [light(over(ink, back, faded(e) * own)), light(back)].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) say(e, what + " has a contrast of " + ratio.toFixed(2));
  };
  for (const e of all("body *")) {
    const written = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
    if ((!written && !fields.includes(e)) || !seen(e) || e.closest(":disabled,script,style,svg,option")) continue;
    contrast(e, getComputedStyle(e), "text");
    if (e.placeholder && !e.value) contrast(e, getComputedStyle(e, "::placeholder"), "placeholder");
  }

  // Room.
  if (root.scrollWidth > innerWidth) faults.push("the page scrolls sideways: " + root.scrollWidth + " px at " + innerWidth);
  const targets = all("a,button,input:not([type=hidden]),select,textarea").filter(seen);
  const middle = (r) => [r.x + r.width / 2, r.y + r.height / 2];
  const apart = ([x, y], r) => Math.hypot(Math.max(r.left - x, 0, x - r.right), Math.max(r.top - y, 0, y - r.bottom));
  for (const e of targets) {
    const r = e.getBoundingClientRect();
    if (r.width >= 24 && r.height >= 24) continue;
    const inText = getComputedStyle(e).display === "inline" && e.parentElement.innerText.trim() !== e.innerText.trim() && !e.closest("nav");
    // A small one will do where a circle of 24 px around it touches no other.
    const crowded = targets.some((o) => o !== e && !e.contains(o) && !o.contains(e) && apart(middle(r), o.getBoundingClientRect()) < 12);
    if (!inText && crowded) say(e, "is too small to tap: " + Math.round(r.width) + " by " + Math.round(r.height));
  }
  return faults;
})()
