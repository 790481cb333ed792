// Buttons that put a text into the clipboard.

import { element, setText } from "./dom.js";

const showsMs = 1500;

/** Browsers give the clipboard to pages of this machine and of HTTPS alone; others can copy what is selected. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = element("textarea", { class: "unseen", readonly: true }, text);
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser does not copy");
}

/** `text` is called when the button is pressed; `what` says for screen readers what is copied. */
export function copyButton(text, what) {
  const button = element("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    let said = "Copied";
    try {
      await copy(text());
    } catch {
      said = "Not copied";
    }
    setText(button, said);
    setTimeout(() => setText(button, "Copy"), showsMs);
  });
  return button;
}
