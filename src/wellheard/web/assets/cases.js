// Keys for people who work through many cases, and what a reply's buttons do. Nothing here is needed without a keyboard.
(() => {
  const rows = [...document.querySelectorAll("[data-row]")];
  let place = -1;
  function choose(to) {
    if (!rows.length) return;
    place = Math.min(Math.max(to, 0), rows.length - 1);
    rows.forEach((row, n) => row.toggleAttribute("data-chosen", n === place));
    rows[place].querySelector("[data-open]").focus();
  }
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const scope = rows[place] ?? document;
    const step = scope.querySelector(`[data-step="${CSS.escape(event.key)}"]`);
    const field = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (event.key === "j") choose(place + 1);
    else if (event.key === "k") choose(place - 1);
    else if (event.key === "u" && !rows.length) document.querySelector(".crumb a")?.click();
    else if (step) step.form.requestSubmit(step);
    else if (field) field.focus();
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const use = event.target.closest("[data-use]");
    const text = document.getElementById("text");
    if (use && text) {
      text.value = use.dataset.use;
      text.focus();
    }
    const copy = event.target.closest("[data-copy]");
    if (copy && text) taken(text).then(() => { copy.textContent = "Copied"; });
  });
  // Browsers give a clipboard to secure addresses alone; elsewhere the text is marked and copied the old way.
  async function taken(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text.value);
    text.select();
    document.execCommand("copy");
  }
  document.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = false; });
})();
