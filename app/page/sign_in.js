// The form that asks for a token when the node wants one.

import * as api from "./api.js";
import { setAttribute, setText, show } from "./dom.js";

const byId = (id) => document.getElementById(id);

export class SignIn {
  /** `onChange` is called when a token is there or has been forgotten. */
  constructor(onChange) {
    this.form = byId("sign-in");
    this.token = byId("sign-in-token");
    this.error = byId("sign-in-error");
    this.form.addEventListener("submit", (e) => {
      e.preventDefault();
      this.take(this.token.value.trim(), onChange);
    });
    byId("sign-out").addEventListener("click", () => {
      api.forgetToken();
      onChange();
    });
  }

  /** Whether the form waits for somebody to fill it in. */
  get waits() {
    return !this.form.hidden;
  }

  take(text, onChange) {
    if (!api.useToken(text)) {
      this.say("This is no token: tokens have letters, digits and -._~+/ alone.");
      return;
    }
    this.token.value = "";
    show(this.form, false);
    onChange();
  }

  say(text) {
    setText(this.error, text);
    setAttribute(this.token, "aria-invalid", text === "" ? null : "true");
  }

  /** The node has refused to answer without a token, or with the one that it was given. */
  ask() {
    if (this.waits) return;
    this.say(api.token() === null ? "" : "The node does not know this token.");
    api.forgetToken();
    this.showState();
    show(this.form, true);
    this.token.focus();
  }

  /** Links carry no token, so there are none while one is needed. */
  showState() {
    const signedIn = api.token() !== null;
    show(byId("sign-out"), signedIn);
    for (const link of document.querySelectorAll("footer a")) show(link, !signedIn);
  }
}
