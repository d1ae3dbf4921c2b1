/* A second click on a form that is already on its way does nothing. */

for (const form of document.querySelectorAll("[data-submit-once]")) {
  const button = form.querySelector("button[type=submit]");
  form.addEventListener("submit", (event) => {
    if (button.getAttribute("aria-disabled") === "true") event.preventDefault();
    button.setAttribute("aria-disabled", "true");
  });
  window.addEventListener("pageshow", () => button.removeAttribute("aria-disabled"));
}
