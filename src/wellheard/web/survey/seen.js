(() => {
  const signs = ["pointerdown", "pointermove", "touchstart", "keydown", "scroll"];
  const tell = () => {
    signs.forEach((sign) => removeEventListener(sign, tell));
    const token = document.querySelector('input[name="i"]').value;
    navigator.sendBeacon(location.pathname + "/seen", new URLSearchParams({ i: token }));
  };
  signs.forEach((sign) => addEventListener(sign, tell, { passive: true }));
})();
