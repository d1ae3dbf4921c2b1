/* A second click on a form that is already on its way does nothing. Those that lead to paying say that there is
   script, so that the donor can pay on our own page where the entity offers that. */

for (const form of document.querySelectorAll("[data-submit-once]")) {
  const button = form.querySelector("button[type=submit]");
  if ("pays" in form.dataset) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "surface", value: "elements" }));
  }
  form.addEventListener("submit", (event) => {
    if (button.getAttribute("aria-disabled") === "true") event.preventDefault();
    button.setAttribute("aria-disabled", "true");
  });
  window.addEventListener("pageshow", () => button.removeAttribute("aria-disabled"));
}
