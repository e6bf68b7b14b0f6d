"use strict";
for (const button of document.querySelectorAll("[data-close]")) {
  button.hidden = false;
  button.addEventListener("click", () => button.parentElement.remove());
}
for (const button of document.querySelectorAll("[data-reveal]")) {
  const input = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => {
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    button.setAttribute("aria-pressed", String(hidden));
    button.textContent = hidden ? "Hide" : "Show";
  });
}
// A button that has to wait says for how long, then works.
for (const box of document.querySelectorAll("[data-wait]")) {
  const ends = Date.now() + Number(box.dataset.wait) * 1000;
  const text = box.querySelector("[data-wait-text]");
  const buttons = box.querySelectorAll("button");
  const tick = () => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    const waiting = left > 0;
    for (const b of buttons) b.disabled = waiting;
    text.hidden = !waiting;
    text.querySelector("b").textContent = left >= 3600 ? Math.ceil(left / 3600) + " h" : left >= 60 ? Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0") : left + " s";
    if (waiting) setTimeout(tick, 250);
  };
  if (Number(box.dataset.wait) > 0) tick();
}
// One press is enough. The server also counts two as one.
for (const form of document.forms) {
  form.addEventListener("submit", () => {
    form.setAttribute("aria-busy", "true");
    const buttons = form.querySelectorAll("button:not([type=button])");
    setTimeout(() => { for (const b of buttons) b.disabled = true; });
    setTimeout(() => { form.removeAttribute("aria-busy"); for (const b of buttons) b.disabled = false; }, 12000);
  });
}
addEventListener("pageshow", (e) => {
  if (!e.persisted) return;
  for (const form of document.forms) {
    form.removeAttribute("aria-busy");
    for (const b of form.querySelectorAll("button")) b.disabled = false;
  }
});
