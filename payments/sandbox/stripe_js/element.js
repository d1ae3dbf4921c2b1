/* Inside the frame of the Payment Element: the fields, and what is sent to the sandbox when the page confirms. */

(() => {
  "use strict";

  const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
  /** @type {MessagePort | null} */
  let port = null;

  /** @param {object} message */
  const tell = (message) => port?.postMessage(message);
  const tellHeight = () => tell({ type: "height", height: document.documentElement.getBoundingClientRect().height });
  const chosen = () => String(new FormData(form).get("method"));

  const showChosen = () => {
    for (const group of form.querySelectorAll("fieldset[data-method]")) {
      if (group instanceof HTMLFieldSetElement) group.hidden = group.disabled = group.dataset.method !== chosen();
    }
    tellHeight();
  };

  /** @param {string} text */
  const say = (text) => {
    const error = /** @type {HTMLElement} */ (form.querySelector("[data-error]"));
    error.textContent = text;
    error.hidden = text === "";
    tellHeight();
  };

  /** The first visible field without a value, if any. */
  const incomplete = () =>
    [...form.querySelectorAll("input[required]")].find((field) => field instanceof HTMLInputElement && !field.matches(":disabled") && !field.value);

  /**
   * @param {{path: string, fields: Record<string, string>}} wanted
   * @returns {Promise<object>}
   */
  const confirm = async ({ path, fields }) => {
    say("");
    const missing = incomplete();
    if (missing instanceof HTMLInputElement) {
      missing.focus();
      say(form.dataset.incomplete ?? "");
      return { type: "error", message: form.dataset.incomplete, declineCode: null };
    }
    const typed = new URLSearchParams(fields);
    new FormData(form).forEach((value, name) => typed.set(name, String(value)));
    const answer = await fetch(path, { method: "POST", body: typed });
    const told = await answer.json();
    return answer.ok ? told : { type: "error", message: told.error.message, declineCode: null };
  };

  /** @param {string[]} methods */
  const offer = (methods) => {
    for (const radio of form.querySelectorAll("input[name=method]")) {
      if (!(radio instanceof HTMLInputElement)) continue;
      const label = /** @type {HTMLElement} */ (radio.closest("label"));
      label.hidden = radio.disabled = !methods.includes(radio.value);
      if (!chosen() || !methods.includes(chosen())) radio.checked = methods.includes(radio.value);
    }
    showChosen();
  };

  /** @param {{variables?: Record<string, string>}} appearance */
  const dress = ({ variables = {} }) => {
    for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(`--${name}`, value);
    tellHeight();
  };

  window.addEventListener("message", (event) => {
    if (event.data?.type !== "begin" || port) return;
    port = event.ports[0] ?? null;
    if (!port) return;
    port.onmessage = async ({ data }) => {
      if (data.type === "appearance") dress(data.appearance);
      if (data.type === "methods") offer(data.methods);
      if (data.type === "clear") form.reset();
      if (data.type === "confirm") {
        const outcome = await confirm(data).catch((error) => ({ type: "error", message: String(error), declineCode: null }));
        tell({ type: "outcome", outcome });
      }
    };
    showChosen();
    tell({ type: "ready" });
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    showChosen();
    tell({ type: "change", complete: !incomplete(), empty: false, collapsed: false, value: { type: chosen() } });
  });
  window.addEventListener("resize", tellHeight);
})();
