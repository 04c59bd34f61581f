// Dark or light, before the first paint: a classic script, so that nothing flashes. Leaves the colours to tokens.css.
(() => {
  const key = "millrace.theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const now = () => root.dataset.theme ?? (system.matches ? "dark" : "light");
  const kept = localStorage.getItem(key);
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;

  function show(button) {
    const next = now() === "dark" ? "light" : "dark";
    button.setAttribute("aria-label", `Switch to ${next} colours`);
    button.title = button.getAttribute("aria-label");
    button.querySelector("use").setAttribute("href", `/web/icons.svg#${next === "dark" ? "moon" : "sun"}`);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-testid=theme]");
    show(button);
    system.addEventListener("change", () => show(button));
    button.addEventListener("click", () => {
      root.dataset.theme = now() === "dark" ? "light" : "dark";
      localStorage.setItem(key, root.dataset.theme);
      show(button);
    });
  });
})();
