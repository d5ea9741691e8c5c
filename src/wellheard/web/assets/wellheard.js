// What the pages do beyond links and forms: the theme, forms that send themselves, and keeping a reader's place.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.querySelector("[data-theme-toggle]");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);

  function name() {
    if (!button) return;
    button.hidden = false;
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  }
  button?.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("wellheard-theme", root.dataset.theme); } catch { /* only this page then */ }
    name();
  });
  dark.addEventListener("change", name);
  name();

  // A form marked so needs no button once scripts run: the change itself sends it.
  document.querySelectorAll("[data-live]").forEach((form) => form.classList.add("live"));

  // Showing the name of a chosen file, and that sending it goes on.
  document.addEventListener("submit", (event) => {
    const pressed = event.submitter;
    if (event.target.matches("[data-busy]") && pressed) {
      event.target.setAttribute("aria-busy", "true");
      pressed.setAttribute("data-was", pressed.textContent);
      pressed.textContent = event.target.dataset.busy;
    }
  });
  // Coming back by the browser's own button must not find a form that still says it is busy.
  addEventListener("pageshow", () => {
    document.querySelectorAll("[data-was]").forEach((pressed) => { pressed.textContent = pressed.dataset.was; });
  });
})();
// A choice that only changes what the page asks next sends its form at once.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-sends]")) event.target.form.requestSubmit();
});
