// Shows the draft in the preview as it is typed. Without scripts, the button under the preview does the same.
(() => {
  const form = document.querySelector("[data-designer]");
  const button = form?.querySelector("[data-preview]");
  if (!button) return;
  let waiting;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => form.requestSubmit(button), 500);
  });
  button.setAttribute("formnovalidate", "");
})();
