/* Inside the frame of 3-D Secure, once the bank's question is answered: tell the page that waits for it. */

(() => {
  "use strict";

  window.addEventListener("message", (event) => {
    if (event.data?.type !== "begin") return;
    const port = event.ports[0];
    const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
    form.addEventListener("submit", async (submitted) => {
      submitted.preventDefault();
      const button = /** @type {HTMLButtonElement} */ (/** @type {SubmitEvent} */ (submitted).submitter);
      await fetch(form.action, { method: "POST", body: new URLSearchParams({ outcome: button.value }) });
      port?.postMessage({ type: "answered" });
    });
  });
})();
