/* The sandbox's stand-in for Stripe.js: what a page with a Payment Element of a Checkout Session uses, nothing more.
   Its fields live in a frame of the sandbox, as Stripe's do in a frame of Stripe: the page never sees a number.
   Held against Stripe's published types by tests/types. Test keys only. */

(() => {
  "use strict";

  /** @typedef {import("@stripe/stripe-js").Stripe} WholeStripe */
  /** @typedef {import("@stripe/stripe-js").StripeCheckoutElementsSdk} WholeSdk */
  /** @typedef {import("@stripe/stripe-js").StripeCheckoutLoadActionsSuccess} WholeActions */
  /** @typedef {Pick<WholeStripe, "initCheckoutElementsSdk">} KnownStripe */
  /** @typedef {Pick<WholeSdk, "on" | "loadActions" | "changeAppearance" | "createPaymentElement" | "getPaymentElement">} KnownSdk */
  /** @typedef {Pick<WholeActions, "confirm" | "getSession" | "updateEmail">} KnownActions */
  /** @typedef {import("@stripe/stripe-js").StripePaymentElement} PaymentElement */
  /** @typedef {Pick<PaymentElement, "mount" | "unmount" | "destroy" | "focus" | "blur" | "clear" | "on">} KnownElement */
  /** @typedef {import("@stripe/stripe-js").StripeCheckoutSession} Session */
  /** @typedef {import("@stripe/stripe-js").StripeCheckoutAmount} Amount */
  /** @typedef {import("@stripe/stripe-js").StripeCheckoutConfirmResult} ConfirmResult */
  /** @typedef {import("@stripe/stripe-js").Appearance} Appearance */
  /** @typedef {import("@stripe/stripe-js").StripeConstructorOptions} Options */
  /**
   * What the sandbox tells of a session.
   * @typedef {{id: string, status: "open" | "complete" | "expired", payment_status: "paid" | "unpaid" | "no_payment_required",
   *   amount: number, currency: string, divisor: number, email: string | null, return_url: string, problem: string, methods: string[],
   *   items: {id: string, name: string, price: string, amount: number, quantity: number}[]}} Told
   */
  /** @typedef {{type: "done"} | {type: "authenticate", url: string} | {type: "error", message: string, declineCode: string | null}} Outcome */

  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const origin = new URL(script.src).origin;

  /** @param {string} message */
  const integrationError = (message) => Object.assign(new Error(message), { name: "IntegrationError" });

  /**
   * The object, with an error that says so for whatever Stripe has and the sandbox has not.
   * @template {object} T
   * @param {string} name
   * @param {T} known
   * @returns {T}
   */
  const partly = (name, known) =>
    new Proxy(known, {
      get(target, property) {
        if (property in target || typeof property === "symbol" || property === "then") return Reflect.get(target, property);
        throw integrationError(`The sandbox's Stripe.js does not know ${name}.${property}.`);
      },
    });

  /**
   * @param {string} path
   * @param {Record<string, string>} fields
   * @returns {Promise<any>}
   */
  const ask = async (path, fields) => {
    const answer = await fetch(origin + path, { method: "POST", body: new URLSearchParams(fields), credentials: "omit" });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error.message);
    return told;
  };

  /**
   * @param {Told} told
   * @param {string} locale
   * @returns {Session}
   */
  const asSession = (told, locale) => {
    /** @param {number} minor @returns {Amount} */
    const money = (minor) => ({
      minorUnitsAmount: minor,
      amount: new Intl.NumberFormat(locale, { style: "currency", currency: told.currency }).format(minor / told.divisor),
    });
    const nothing = money(0);
    return {
      billingAddress: null,
      businessName: null,
      canConfirm: told.status === "open",
      currency: told.currency,
      currencyOptions: null,
      discountAmounts: null,
      email: told.email,
      id: told.id,
      lastPaymentError: told.problem ? { message: told.problem } : null,
      lineItems: told.items.map((item) => ({
        id: item.id,
        name: item.name,
        discount: nothing,
        subtotal: money(item.amount),
        total: money(item.amount),
        taxExclusive: nothing,
        taxInclusive: nothing,
        unitAmount: money(item.amount / item.quantity),
        unitAmountDecimal: null,
        description: null,
        quantity: item.quantity,
        unitLabel: null,
        discountAmounts: null,
        taxAmounts: null,
        recurring: null,
        adjustableQuantity: null,
        images: [],
        priceId: item.price,
        isRemovable: false,
        pricing: null,
        transformQuantity: null,
      })),
      livemode: false,
      minorUnitsAmountDivisor: told.divisor,
      phoneNumber: null,
      recurring: null,
      savedPaymentMethods: null,
      shipping: null,
      shippingAddress: null,
      shippingOptions: [],
      status: told.status === "complete" ? { type: "complete", paymentStatus: told.payment_status } : { type: told.status },
      surcharge: null,
      tax: { status: "ready" },
      taxAmounts: null,
      taxIdInfo: null,
      total: {
        appliedBalance: nothing,
        balanceAppliedToNextInvoice: false,
        discount: nothing,
        shippingRate: nothing,
        subtotal: money(told.amount),
        surcharge: nothing,
        taxExclusive: nothing,
        taxInclusive: nothing,
        total: money(told.amount),
      },
      optionalItems: null,
    };
  };

  /** A frame of the sandbox, and the line to it that no other script can listen in on. */
  class Frame {
    /** @param {string} address @param {string} title */
    constructor(address, title) {
      this.node = document.createElement("iframe");
      this.node.src = origin + address;
      this.node.title = title;
      this.node.allow = "payment *";
      const { port1, port2 } = new MessageChannel();
      this.port = port1;
      /** @type {Record<string, ((value: any) => void)[]>} */
      this.handlers = {};
      port1.onmessage = ({ data }) => (this.handlers[data.type] ?? []).forEach((handler) => handler(data));
      this.node.onload = () => {
        this.node.onload = null;
        this.node.contentWindow?.postMessage({ type: "begin" }, origin, [port2]);
      };
    }

    /** @param {string} type @param {(value: any) => void} handler */
    on(type, handler) {
      (this.handlers[type] ??= []).push(handler);
    }

    /** @param {string} type @returns {Promise<any>} */
    next(type) {
      return new Promise((resolve) => (this.handlers[type] = [resolve]));
    }
  }

  /**
   * The bank's question, in a frame above the page; done when it is answered.
   * @param {string} url
   */
  const authenticate = async (url) => {
    const frame = new Frame(url, "3-D Secure");
    const cover = document.createElement("div");
    cover.setAttribute("role", "dialog");
    cover.setAttribute("aria-modal", "true");
    cover.setAttribute("aria-label", "3-D Secure");
    Object.assign(cover.style, { position: "fixed", inset: "0", zIndex: "2147483647", display: "grid", placeItems: "center", background: "rgb(0 0 0 / 60%)" });
    Object.assign(frame.node.style, { width: "min(26rem, 92vw)", height: "22rem", border: "0", borderRadius: "8px", background: "#fff" });
    cover.append(frame.node);
    document.body.append(cover);
    frame.node.focus();
    await frame.next("answered");
    cover.remove();
  };

  /**
   * @param {string} key
   * @param {Options} [options]
   * @returns {KnownStripe}
   */
  const Stripe = (key, options = {}) => {
    if (!/^pk_test_[A-Za-z0-9-]+/.test(key)) {
      throw integrationError("The sandbox's Stripe.js takes keys of the form pk_test_<account>; never a live key.");
    }
    const locale = options.locale && options.locale !== "auto" ? options.locale : navigator.language;
    return partly("stripe", {
      initCheckoutElementsSdk: ({ clientSecret, elementsOptions }) =>
        /** @type {WholeSdk} */ (openCheckout(key, locale, clientSecret, elementsOptions?.appearance ?? {})),
    });
  };

  /**
   * @param {string} key
   * @param {string} locale
   * @param {string | Promise<string>} clientSecret
   * @param {Appearance} appearance
   * @returns {KnownSdk}
   */
  const openCheckout = (key, locale, clientSecret, appearance) => {
    /** @type {((session: Session) => void)[]} */
    const listeners = [];
    /** @type {(PaymentElement & {frame: Frame}) | null} */
    let element = null;
    let email = "";

    const secret = Promise.resolve(clientSecret);
    const fields = async () => ({ key, locale, client_secret: await secret });
    const page = async () => `/v1/payment_pages/${(await secret).split("_secret_")[0]}`;

    /** @returns {Promise<[Told, Session]>} */
    const read = async () => {
      const told = await ask(`${await page()}/init`, await fields());
      const session = asSession(told, locale);
      element?.frame.port.postMessage({ type: "methods", methods: told.methods });
      listeners.forEach((listener) => listener(session));
      return [told, session];
    };

    /** @param {string} message @param {string | null} declineCode @returns {ConfirmResult} */
    const failed = (message, declineCode) => ({
      type: "error",
      error: declineCode ? { message, code: "paymentFailed", paymentFailed: { declineCode } } : { message, code: null },
    });

    /** @type {WholeActions["confirm"]} */
    const confirm = async (given = {}) => {
      if (!element) throw integrationError("confirm() needs a mounted Payment Element.");
      element.frame.port.postMessage({
        type: "confirm",
        path: `${await page()}/confirm`,
        fields: { ...(await fields()), email: given.email ?? email },
      });
      /** @type {Outcome} */
      const outcome = (await element.frame.next("outcome")).outcome;
      if (outcome.type === "error") return failed(outcome.message, outcome.declineCode);
      if (outcome.type === "authenticate") await authenticate(outcome.url);
      const [told, session] = await read();
      if (told.status !== "complete") return failed(told.problem, "authentication_failed");
      if (given.redirect !== "if_required") {
        window.location.assign((given.returnUrl ?? told.return_url).replace("{CHECKOUT_SESSION_ID}", told.id));
      }
      return { type: "success", session };
    };

    return partly("checkout", {
      on: (event, handler) => {
        listeners.push(handler);
      },
      loadActions: async () => {
        try {
          let [, session] = await read();
          listeners.push((newer) => (session = newer));
          /** @type {KnownActions} */
          const actions = partly("actions", {
            confirm,
            getSession: () => session,
            updateEmail: async (given) => {
              email = given ?? "";
              return { type: "success", session };
            },
          });
          return { type: "success", actions: /** @type {WholeActions} */ (actions) };
        } catch (error) {
          return { type: "error", error: { message: error instanceof Error ? error.message : String(error), code: null } };
        }
      },
      changeAppearance: (wanted) => {
        appearance = wanted;
        element?.frame.port.postMessage({ type: "appearance", appearance });
      },
      createPaymentElement: () => {
        if (element) throw integrationError("There is a Payment Element already.");
        element = paymentElement(locale, () => appearance);
        return element;
      },
      getPaymentElement: () => element,
    });
  };

  /**
   * @param {string} locale
   * @param {() => Appearance} appearance
   * @returns {PaymentElement & {frame: Frame}}
   */
  const paymentElement = (locale, appearance) => {
    const frame = new Frame(`/dahlia/element?locale=${encodeURIComponent(locale)}`, "Stripe sandbox");
    Object.assign(frame.node.style, { display: "block", width: "100%", border: "0", height: "12rem", colorScheme: "normal" });
    frame.on("height", ({ height }) => (frame.node.style.height = `${height}px`));
    frame.on("ready", () => frame.port.postMessage({ type: "appearance", appearance: appearance() }));
    const known = partly("element", {
      frame,
      /** @param {string | HTMLElement} place */
      mount: (place) => {
        const node = typeof place === "string" ? document.querySelector(place) : place;
        if (!node) throw integrationError("There is no such element to mount to.");
        node.append(frame.node);
      },
      unmount: () => frame.node.remove(),
      destroy: () => frame.node.remove(),
      focus: () => frame.node.focus(),
      blur: () => frame.node.blur(),
      clear: () => frame.port.postMessage({ type: "clear" }),
      /** @param {string} event @param {(event: any) => any} handler */
      on: (event, handler) => {
        frame.on(event, (data) => handler({ elementType: "payment", ...data }));
        return whole;
      },
    });
    const whole = /** @type {PaymentElement & {frame: Frame}} */ (/** @type {KnownElement} */ (known));
    return whole;
  };

  window.Stripe = /** @type {any} */ (Object.assign(Stripe, { version: "dahlia" }));
})();
