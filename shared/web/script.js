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
// A page that waits for the phone asks how things stand, less and less often,
// and not while nobody looks at it.
const waiting = document.querySelector("[data-waiting=pending]");
if (waiting) {
  const text = waiting.querySelector("[data-waiting-text]");
  const ends = Date.now() + Number(waiting.dataset.left) * 1000;
  const left = waiting.querySelector("[data-waiting-left]");
  const said = text.textContent;
  let timer = 0, asking = false;
  const say = (sentence) => { if (text.textContent !== sentence) text.textContent = sentence; };
  const look = async () => {
    if (asking) return;
    asking = true;
    let again = 5;
    try {
      const answer = await fetch("/status", { headers: { Accept: "application/json" }, cache: "no-store", redirect: "error" });
      const state = await answer.json();
      if (answer.ok && state.status === "pending") again = state.retry_after, say(said);
      else if (answer.ok && state.status === "approved") { say("Approved. One moment"); return waiting.querySelector("[data-waiting-form]").submit(); }
      else if (answer.ok || answer.status === 401 || answer.status === 410) return location.replace("/status");
      else { again = Math.max(again, Number(answer.headers.get("Retry-After")) || 0); say("We could not look just now. Trying again"); }
    } catch { say("The connection is lost. Trying again"); }
    asking = false;
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, again * 1000);
  };
  const count = () => {
    const seconds = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
    left.hidden = false;
    left.querySelector("b").textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
    if (seconds > 0) setTimeout(count, 1000);
  };
  document.addEventListener("visibilitychange", () => { clearTimeout(timer); if (!document.hidden) look(); });
  if (!document.hidden) timer = setTimeout(look, Number(waiting.dataset.again) * 1000);
  count();
}
addEventListener("pageshow", (e) => {
  if (!e.persisted) return;
  for (const form of document.forms) {
    form.removeAttribute("aria-busy");
    for (const b of form.querySelectorAll("button")) b.disabled = false;
  }
});
