/* The pay step: load Stripe's script, show its fields, pay. Whatever fails, the form to Stripe's own page stays.
   Checked against Stripe's own types by tests/types. */

/** @typedef {import("@stripe/stripe-js").StripeCheckoutElementsSdk} Checkout */
/** @typedef {import("@stripe/stripe-js").StripeCheckoutLoadActionsSuccess} Actions */
/** @typedef {import("@stripe/stripe-js").StripeElementLocale} Locale */
/** @typedef {import("@stripe/stripe-js").Appearance} Appearance */

/** Longer than a slow line needs, shorter than a donor waits. */
const PATIENCE = 15_000;

/**
 * @template {Element} T
 * @param {string} name
 * @param {new () => T} kind
 * @param {ParentNode} [inside]
 * @returns {T}
 */
const part = (name, kind, inside = document) => {
  const found = inside.querySelector(name);
  if (!(found instanceof kind)) throw new Error(`${name} is missing`);
  return found;
};

const step = part("[data-pay]", HTMLElement);
const form = part("[data-pay-form]", HTMLFormElement, step);
const button = part("button[type=submit]", HTMLButtonElement, form);
const fields = part("[data-pay-element]", HTMLElement, form);
const loading = part("[data-pay-loading]", HTMLElement, form);
const error = part("[data-pay-error]", HTMLElement, form);
const busy = part("[data-pay-busy]", HTMLElement, form);
const trouble = part("[data-pay-trouble]", HTMLElement, step);
const instead = part("[data-pay-instead]", HTMLButtonElement, step);
const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** @param {string} name */
const setting = (name) => step.dataset[name] ?? "";

/** @returns {Promise<void>} */
const load = () =>
  new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = setting("script");
    script.onload = () => resolve();
    script.onerror = () => reject(new Error("Stripe's script does not load"));
    document.head.append(script);
  });

/**
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
const inTime = (promise) =>
  Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error("too late")), PATIENCE))]);

/** @returns {Appearance} */
const appearance = () => {
  const style = getComputedStyle(document.documentElement);
  /** @param {string} name */
  const token = (name) => style.getPropertyValue(name).trim();
  return {
    theme: dark.matches ? "night" : "stripe",
    variables: {
      colorPrimary: token("--accent"),
      colorBackground: token("--surface"),
      colorText: token("--ink"),
      colorTextSecondary: token("--ink-soft"),
      colorDanger: token("--bad"),
      borderRadius: token("--radius"),
      fontFamily: token("--font-ui"),
      fontSizeBase: "16px",
    },
  };
};

/** The fields are of no use any more; what is left is Stripe's own page. */
const giveUp = () => {
  form.hidden = true;
  trouble.hidden = false;
  instead.classList.remove("button--quiet");
};

/** @param {boolean} is */
const setBusy = (is) => {
  button.setAttribute("aria-disabled", String(is));
  instead.disabled = is; // while Stripe is at work, this attempt is not to be ended
  busy.textContent = is ? (busy.dataset.text ?? "") : "";
};

/** @param {string} message */
const say = (message) => {
  error.textContent = message || setting("failedText");
  error.hidden = false;
  error.scrollIntoView({ block: "nearest" });
};

/** @param {Actions} actions */
const pay = async (actions) => {
  if (button.getAttribute("aria-disabled") === "true") return;
  error.hidden = true;
  setBusy(true);
  try {
    const result = await actions.confirm(); // when it succeeds, Stripe leads on to our return address
    if (result.type === "success") return;
    say(result.error.message);
  } catch {
    say("");
  }
  setBusy(false);
};

/** @param {Actions} actions */
const begin = (actions) => {
  const { status } = actions.getSession();
  if (status.type === "complete") return window.location.assign(setting("returnUrl"));
  if (status.type === "expired") return giveUp();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    pay(actions);
  });
  loading.hidden = true;
  button.setAttribute("aria-disabled", "false");
};

/** @param {Checkout} checkout */
const show = (checkout) => {
  const element = checkout.createPaymentElement({ layout: { type: "tabs", defaultCollapsed: false } });
  const ready = new Promise((resolve, reject) => {
    element.on("ready", () => resolve(undefined));
    element.on("loaderror", () => reject(new Error("Stripe's fields do not load")));
  });
  element.mount(fields);
  dark.addEventListener("change", () => checkout.changeAppearance(appearance()));
  return ready;
};

const start = async () => {
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault()); // there is nothing to send before Stripe is ready
  try {
    await inTime(load());
    const stripe = window.Stripe?.(setting("key"), { locale: /** @type {Locale} */ (document.documentElement.lang) });
    if (!stripe) throw new Error("Stripe's script is not there");
    const clientSecret = setting("clientSecret");
    const checkout = stripe.initCheckoutElementsSdk({ clientSecret, elementsOptions: { appearance: appearance() } });
    const ready = show(checkout);
    const [loaded] = await inTime(Promise.all([checkout.loadActions(), ready]));
    if (loaded.type === "error") throw new Error(loaded.error.message);
    begin(loaded.actions);
  } catch {
    giveUp();
  }
};

// Back from elsewhere, the browser may show this page as it was left; what was open then may be paid by now.
window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());
start();
